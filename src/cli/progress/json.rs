//! One JSON object a line on stderr, for programs that watch.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::meter::{Face, Reading, Ticking};
use crate::report::figures;

/// Objects on stderr.
pub(super) fn json() -> Ticking<Json> {
    Ticking::new(Json)
}

pub(super) struct Json;

impl Face for Json {
    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn show(&self, reading: &Reading) {
        print(&object("progress", reading));
    }

    fn end(&self, reading: &Reading) {
        print(&object("end", reading));
    }

    fn note(&self, text: &str) {
        print(&json!({"event": "note", "text": text}));
    }
}

fn print(object: &Value) {
    let _ = writeln!(std::io::stderr().lock(), "{object}");
}

fn object(event: &str, reading: &Reading) -> Value {
    json!({
        "event": event,
        "phase": reading.phase,
        "bytes": reading.bytes,
        "bytes_total": reading.total,
        "rows": reading.rows,
        "bytes_per_second": reading.rate(),
        "seconds": figures::seconds(reading.elapsed),
        "seconds_left": reading.left().map(|left| left.as_secs()),
        "status": reading.status,
    })
}

#[cfg(test)]
mod tests {
    use super::super::meter::reading;
    use super::*;

    #[test]
    fn objects_have_the_same_keys_in_every_event() {
        insta::assert_snapshot!(object("progress", &reading()).to_string(), @r#"{"bytes":314572800,"bytes_per_second":104857600,"bytes_total":1258291200,"event":"progress","phase":"backup","rows":1234567,"seconds":3.0,"seconds_left":9,"status":"snapshot 3 s old"}"#);
    }
}
