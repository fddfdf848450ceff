//! Archives that are cut or changed.

use std::path::PathBuf;

use bson::{Document, doc};

use super::common::mongo::commands;
use super::common::{Bookend, Deployment, Mongo};
use super::scene::{bookend, copies, drop_all, is_tidy, told};

/// A small archive of a small database: every byte of it can be tried.
struct Scene {
    server: &'static Mongo,
    bookend: Bookend,
    url: String,
    name: &'static str,
    whole: Vec<u8>,
}

impl Scene {
    fn new(name: &'static str, compress: &str) -> Self {
        let server = Mongo::shared(Deployment::Standalone);
        server.with(|client| async move {
            let all = (0..40).map(|n| doc! { "_id": n, "t": format!("text {n}") });
            let todos = client.database(name).collection::<Document>("todos");
            todos.insert_many(all).await.unwrap();
            let view = doc! { "create": "view", "viewOn": "todos", "pipeline": [] };
            commands(&client, name, vec![view]).await;
        });
        let bookend = bookend();
        let url = server.url(name);
        bookend.succeed(&["backup", &url, "--compress", compress]);
        let whole = std::fs::read(&bookend.archives()[0]).unwrap();
        Self {
            server,
            bookend,
            url,
            name,
            whole,
        }
    }

    fn place(&self, bytes: &[u8]) -> PathBuf {
        let path = self.bookend.work().join("changed.tar");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Not restored under any name, by any command.
    fn is_refused(&self, bytes: &[u8], how: &str) {
        let path = self.place(bytes);
        let path = path.to_str().unwrap();
        let on = ["--on", &self.url, "--json"];
        let restore = [["restore", path, "--into", "never"].as_slice(), &on].concat();
        let prove = ["verify", path, "--prove", "--prove-on", &self.url, "--json"];
        for words in [restore.as_slice(), &prove] {
            let output = self.bookend.run(words);
            assert!(matches!(output.code, Some(2 | 3)), "{how}: {output}");
            if words[0] == "restore" {
                let code = told(&output).0;
                assert!(
                    ["damaged", "not-an-archive"].contains(&code.as_str()),
                    "{how}: {output}"
                );
            }
        }
        assert!(
            !self.server.databases().contains(&"never".to_owned()),
            "{how}"
        );
    }

    fn end(self) {
        assert!(copies(self.server, self.name).is_empty());
        is_tidy(&self.bookend);
        drop_all(self.server, &[self.name]);
    }
}

#[test]
fn a_cut_archive_is_damaged_wherever_it_is_cut() {
    let scene = Scene::new("cut", "zstd");
    let length = scene.whole.len();
    let steps = (1..20).map(|step| length * step / 20);
    for end in steps.chain([0, 1, 511, 512, length - 1024, length - 1]) {
        let path = scene.place(&scene.whole[..end]);
        let output = scene.bookend.run(&["verify", path.to_str().unwrap()]);
        assert!(matches!(output.code, Some(2 | 3)), "cut at {end}: {output}");
    }
    for end in [length / 4, length * 9 / 10, length - 1] {
        scene.is_refused(&scene.whole[..end], &format!("cut at {end}"));
    }
    scene.end();
}

#[test]
fn a_flipped_byte_is_found_wherever_it_is() {
    for compress in ["zstd", "none"] {
        let scene = Scene::new("flip", compress);
        let length = scene.whole.len();
        // Every 97th byte meets every member, header and padding.
        for at in (0..length).step_by(length / 97) {
            let mut bytes = scene.whole.clone();
            bytes[at] ^= 0x10;
            let path = scene.place(&bytes);
            let output = scene.bookend.run(&["verify", path.to_str().unwrap()]);
            assert!(
                matches!(output.code, Some(2 | 3)),
                "flipped at {at}: {output}"
            );
        }
        // One in the documents, one in the definitions.
        for member in ["dump/", "definitions/"] {
            let blocks = (0..length / 512).map(|block| block * 512);
            let mut headers = blocks.filter(|at| scene.whole[*at..].starts_with(member.as_bytes()));
            let mut bytes = scene.whole.clone();
            bytes[headers.next().unwrap() + 512 + 30] ^= 1;
            scene.is_refused(&bytes, member);
        }
        scene.end();
    }
}
