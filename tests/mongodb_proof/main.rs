//! MongoDB's proof and what it stands on, against real servers: everything that a database can
//! hold comes back as it was, compared independently of bookend too; every difference made in
//! a copy is found and named; documents that expire do not; one point in time is one.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod consistency;
mod differences;
mod expiry;
mod nasty;
mod provable;
mod raw;
mod restored;
mod round_trip;
mod stock;
mod users;
mod values;

use common::Bookend;
use common::mongo::mongo_tools;

/// With MongoDB's tools in `PATH`.
fn bookend() -> Bookend {
    Bookend::new().path(&[mongo_tools(), "/usr/bin".into(), "/bin".into()])
}
