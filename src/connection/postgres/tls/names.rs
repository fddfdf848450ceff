//! Whether a certificate names a host, by the rules of libpq's `fe-secure-common.c`: the
//! alternative names count, and the common name only where there is none of the host's kind.

use std::net::IpAddr;

use rustls::pki_types::{CertificateDer, ServerName};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Checks the name; the error says which names the certificate has.
pub fn check(certificate: &CertificateDer<'_>, server: &ServerName<'_>) -> Result<(), String> {
    let parsed = Certificate::from_der(certificate)
        .map_err(|error| format!("the server's certificate cannot be read: {error}"))?;
    let wanted = match server {
        ServerName::DnsName(name) => name.as_ref().to_owned(),
        ServerName::IpAddress(address) => IpAddr::from(*address).to_string(),
        _ => return Err("the server has no name that could be checked".to_owned()),
    };
    let address: Option<IpAddr> = wanted.parse().ok();
    let alternatives = alternative_names(&parsed);
    let mut presented = Vec::new();
    let mut same_kind = false;
    for name in &alternatives {
        match name {
            GeneralName::DnsName(pattern) => {
                same_kind |= address.is_none();
                if matches(pattern.as_str(), &wanted) {
                    return Ok(());
                }
                presented.push(pattern.to_string());
            }
            GeneralName::IpAddress(bytes) => {
                same_kind |= address.is_some();
                let theirs = to_address(bytes.as_bytes());
                if theirs.is_some() && theirs == address {
                    return Ok(());
                }
                presented.extend(theirs.map(|theirs| theirs.to_string()));
            }
            _ => {}
        }
    }
    if !same_kind {
        let common = common_name(&parsed);
        if common
            .as_ref()
            .is_some_and(|pattern| matches(pattern, &wanted))
        {
            return Ok(());
        }
        presented.extend(common);
    }
    let list = if presented.is_empty() {
        "no name at all".to_owned()
    } else {
        presented.join(", ")
    };
    Err(format!(
        "the server's certificate is for {list}, not for {wanted}"
    ))
}

fn alternative_names(certificate: &Certificate) -> Vec<GeneralName> {
    certificate
        .tbs_certificate
        .extensions
        .iter()
        .flatten()
        .filter(|extension| extension.extn_id == SUBJECT_ALT_NAME)
        .filter_map(|extension| SubjectAltName::from_der(extension.extn_value.as_bytes()).ok())
        .flat_map(|names| names.0)
        .collect()
}

fn common_name(certificate: &Certificate) -> Option<String> {
    let subject = &certificate.tbs_certificate.subject;
    let last = subject
        .0
        .iter()
        .flat_map(|part| part.0.iter())
        .rfind(|part| part.oid == COMMON_NAME)?;
    let value = &last.value;
    let text = value
        .decode_as::<Utf8StringRef<'_>>()
        .map(|text| text.as_str().to_owned())
        .or_else(|_| {
            value
                .decode_as::<PrintableStringRef<'_>>()
                .map(|text| text.as_str().to_owned())
        })
        .or_else(|_| {
            value
                .decode_as::<Ia5StringRef<'_>>()
                .map(|text| text.as_str().to_owned())
        })
        .or_else(|_| {
            value
                .decode_as::<TeletexStringRef<'_>>()
                .map(|text| text.as_str().to_owned())
        })
        .ok()?;
    // A zero byte in a name is an old trick to make two readers see two names.
    (!text.contains('\0')).then_some(text)
}

/// `*.example.com` stands for exactly one label before `.example.com`.
fn matches(pattern: &str, host: &str) -> bool {
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(suffix) = pattern
        .strip_prefix('*')
        .filter(|suffix| suffix.len() > 1 && suffix.starts_with('.'))
    else {
        return false;
    };
    if host.len() <= suffix.len() || !host.is_ascii() || !suffix.is_ascii() {
        return false;
    }
    let (label, rest) = host.split_at(host.len() - suffix.len());
    rest.eq_ignore_ascii_case(suffix) && !label.contains('.')
}

fn to_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(four));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_one_label() {
        assert!(matches("DB.example.com", "db.Example.com"));
        assert!(matches("*.example.com", "db.example.com"));
        for (pattern, host) in [
            ("*.example.com", "a.db.example.com"),
            ("*.example.com", "example.com"),
            ("*.example.com", ".example.com"),
            ("*", "com"),
            ("*.", "com."),
            ("d*.example.com", "db.example.com"),
        ] {
            assert!(!matches(pattern, host), "{pattern} {host}");
        }
    }
}
