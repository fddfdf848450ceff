//! TLS: authorities, client certificates, users by certificate.

use std::sync::OnceLock;

use bson::doc;

use super::common::mongo::commands;
use super::common::{Certificates, Deployment, Mongo};
use super::{bookend, fill, proven};

/// A server that takes TLS with a client's certificate only.
struct Secure {
    server: Mongo,
    certificates: Certificates,
}

fn secure() -> &'static Secure {
    static SECURE: OnceLock<Secure> = OnceLock::new();
    SECURE.get_or_init(|| {
        let certificates = Certificates::new("127.0.0.1", "client");
        let authority = certificates.authority_file();
        let options = format!(
            "&tls=true&tlsCAFile={}&tlsCertificateKeyFile={}",
            authority.display(),
            certificates.pem("client").display()
        );
        let own = format!(
            "--tlsCertificateKeyFile={}",
            certificates.pem("server").display()
        );
        let authority = format!("--tlsCAFile={}", authority.display());
        let arguments = ["--tlsMode=requireTLS", &own, &authority];
        let server = Mongo::start_with(Deployment::Standalone, &arguments, &options);
        fill(&server, "shop", "todos", 100);
        server.with(|client| async move {
            let roles = doc! { "role": "root", "db": "admin" };
            let user = doc! { "createUser": "CN=client", "roles": [roles] };
            commands(&client, "$external", vec![user]).await;
        });
        Secure {
            server,
            certificates,
        }
    })
}

impl Secure {
    /// A URL with these options and no others.
    fn url(&self, user: &str, options: &str) -> String {
        format!(
            "mongodb://{user}127.0.0.1:{}/shop?{options}",
            self.server.port()
        )
    }

    fn own_files(&self) -> String {
        format!(
            "tls=true&tlsCAFile={}&tlsCertificateKeyFile={}",
            self.certificates.authority_file().display(),
            self.certificates.pem("client").display()
        )
    }
}

#[test]
fn own_authorities_and_client_certificates_serve_the_tools_too() {
    let secure = secure();
    let made = proven(&secure.url("", &secure.own_files()));
    assert_eq!(made["consistent"], true, "{made}");
}

#[test]
fn users_by_certificate_log_in_for_the_copy() {
    let secure = secure();
    let files = secure.own_files();
    for user in ["", "CN%3Dclient@"] {
        let url = secure.url(user, &format!("{files}&authMechanism=MONGODB-X509"));
        proven(&url);
    }
    secure.server.with(|client| async move {
        let drop = doc! { "dropUser": "CN=client" };
        commands(&client, "$external", vec![drop]).await;
    });
    let url = secure.url("", &format!("{files}&authMechanism=MONGODB-X509"));
    let refused = bookend().run(&["backup", &url]).expect_code(7);
    assert!(!refused.stderr.contains("password"), "{refused}");
}

#[test]
fn a_key_with_a_password_opens_and_the_password_is_not_shown() {
    let secure = secure();
    let folder = tempfile::tempdir().unwrap();
    let client = secure.certificates.pem("client");
    let key = folder.path().join("key");
    let done = std::process::Command::new("openssl")
        .args([
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-passout",
            "pass:c4n4ry",
        ])
        .arg("-in")
        .arg(client.with_extension("key"))
        .arg("-out")
        .arg(&key)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let both = folder.path().join("both.pem");
    std::fs::write(&both, read(&client.with_extension("crt")) + &read(&key)).unwrap();
    let url = |password: &str| {
        let options = format!(
            "tls=true&tlsCAFile={}&tlsCertificateKeyFile={}{password}",
            secure.certificates.authority_file().display(),
            both.display()
        );
        secure.url("", &options)
    };
    let made = bookend().succeed(&[
        "backup",
        &url("&tlsCertificateKeyFilePassword=c4n4ry"),
        "--prove",
        "-v",
    ]);
    let said = format!("{}{}", made.stdout, made.stderr);
    assert!(
        said.contains("identical") && !said.contains("c4n4ry"),
        "{made}"
    );
    let _ = bookend()
        .run(&["backup", &url("&tlsCertificateKeyFilePassword=wrong")])
        .expect_code(7);
}

#[test]
fn what_is_wrong_with_tls_is_said() {
    let secure = secure();
    let client = secure.certificates.pem("client");
    let authority = secure.certificates.authority_file();
    let (client, authority) = (client.display(), authority.display());
    let other = secure.certificates.other_authority_file();
    let other = other.display();
    for (options, words) in [
        (
            format!("tls=true&tlsCAFile={other}&tlsCertificateKeyFile={client}"),
            "UnknownIssuer",
        ),
        (
            format!("tls=true&tlsCertificateKeyFile={client}"),
            "UnknownIssuer",
        ),
        (
            format!("tls=true&tlsCAFile={authority}"),
            "client certificate",
        ),
        (
            format!("tls=true&tlsCAFile={authority}.none&tlsCertificateKeyFile={client}"),
            "No such file",
        ),
        (String::new(), "tls=true"),
    ] {
        let url = secure.url("", &format!("{options}&serverSelectionTimeoutMS=500"));
        let output = bookend().run(&["backup", &url]);
        let output = output
            .expect_code(7)
            .expect_stderr(words)
            .expect_stderr("hint: ");
        assert!(!output.stderr.contains("Topology"), "{output}");
    }
    // The certificate is for the address, not for this name.
    let url = secure.url(
        "",
        &format!("{}&serverSelectionTimeoutMS=500", secure.own_files()),
    );
    let _ = bookend()
        .run(&["backup", &url.replace("127.0.0.1", "localhost")])
        .expect_code(7)
        .expect_stderr("not valid for name \"localhost\"");
}
