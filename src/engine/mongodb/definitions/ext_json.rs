//! MongoDB Extended JSON v2 from raw BSON, the order of keys kept: what a library builds on
//! sorted or hashed maps loses is the very thing that matters here.
//!
//! Source: <https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::{RawArray, RawBsonRef, RawDocument};

/// The server allows 180 levels; whatever says otherwise is not followed.
const DEEPEST: usize = 250;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Every number with its type, as `mongodump` writes its metadata.
    Canonical,
    /// For people, types still told apart: `1` is an int, `1.0` a double, the rest canonical.
    Readable,
}

/// A document as text.
pub(super) fn document(document: &RawDocument, numbers: Numbers) -> String {
    let mut out = Writer::new(numbers);
    out.document(document, 0);
    out.text
}

/// A value as text.
pub(super) fn value(value: RawBsonRef<'_>, numbers: Numbers) -> String {
    let mut out = Writer::new(numbers);
    out.value(value, 0);
    out.text
}

/// A text in quotes.
pub(in crate::engine::mongodb) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

struct Writer {
    numbers: Numbers,
    text: String,
}

impl Writer {
    fn new(numbers: Numbers) -> Self {
        Self {
            numbers,
            text: String::new(),
        }
    }

    fn document(&mut self, document: &RawDocument, depth: usize) {
        let elements = document.iter().map(|element| {
            let (key, value) = element.ok()?;
            Some((Some(quoted(key.as_str())), value))
        });
        self.elements('{', elements, '}', document.as_bytes(), depth);
    }

    fn array(&mut self, array: &RawArray, depth: usize) {
        let elements = array
            .into_iter()
            .map(|element| element.ok().map(|value| (None, value)));
        self.elements('[', elements, ']', array.as_bytes(), depth);
    }

    fn elements<'a>(
        &mut self,
        open: char,
        elements: impl Iterator<Item = Option<(Option<String>, RawBsonRef<'a>)>>,
        close: char,
        bytes: &[u8],
        depth: usize,
    ) {
        let begin = self.text.len();
        self.text.push(open);
        for (place, element) in elements.enumerate() {
            let Some((key, value)) = element.filter(|_| depth < DEEPEST) else {
                // Not BSON, or without a bottom: its bytes are told instead, so that two such
                // can still be compared.
                self.text.truncate(begin);
                self.wrapped("$malformed", &quoted(&STANDARD.encode(bytes)));
                return;
            };
            if place > 0 {
                self.text.push(',');
            }
            if let Some(key) = key {
                self.text.push_str(&key);
                self.text.push(':');
            }
            self.value(value, depth + 1);
        }
        self.text.push(close);
    }

    fn wrapped(&mut self, key: &str, json: &str) {
        self.text.push_str(&format!("{{\"{key}\":{json}}}"));
    }

    fn value(&mut self, value: RawBsonRef<'_>, depth: usize) {
        match value {
            RawBsonRef::Document(document) => self.document(document, depth),
            RawBsonRef::Array(array) => self.array(array, depth),
            RawBsonRef::String(text) => self.text.push_str(&quoted(text)),
            RawBsonRef::Boolean(yes) => self.text.push_str(if yes { "true" } else { "false" }),
            RawBsonRef::Null => self.text.push_str("null"),
            RawBsonRef::Double(number) => self.double(number),
            RawBsonRef::Int32(number) if self.numbers == Numbers::Readable => {
                self.text.push_str(&number.to_string());
            }
            RawBsonRef::Int32(number) => self.wrapped("$numberInt", &format!("\"{number}\"")),
            RawBsonRef::Int64(number) => self.wrapped("$numberLong", &format!("\"{number}\"")),
            RawBsonRef::Decimal128(number) => {
                self.wrapped("$numberDecimal", &quoted(&number.to_string()));
            }
            RawBsonRef::JavaScriptCodeWithScope(code) => {
                self.text
                    .push_str(&format!("{{\"$code\":{},\"$scope\":", quoted(code.code)));
                self.document(code.scope, depth);
                self.text.push('}');
            }
            other => self.rarer(other),
        }
    }

    fn double(&mut self, number: f64) {
        let text = if number.is_nan() {
            "NaN".to_owned()
        } else if number.is_infinite() {
            if number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }
            .to_owned()
        } else {
            // The shortest text that reads back as the same number.
            format!("{number:?}")
        };
        if self.numbers == Numbers::Readable && number.is_finite() {
            self.text.push_str(&text);
        } else {
            self.wrapped("$numberDouble", &quoted(&text));
        }
    }

    fn rarer(&mut self, value: RawBsonRef<'_>) {
        match value {
            RawBsonRef::ObjectId(id) => self.wrapped("$oid", &quoted(&id.to_hex())),
            RawBsonRef::DateTime(date) => {
                let millis = date.timestamp_millis();
                self.wrapped("$date", &format!("{{\"$numberLong\":\"{millis}\"}}"));
            }
            RawBsonRef::Timestamp(stamp) => {
                let (t, i) = (stamp.time, stamp.increment);
                self.wrapped("$timestamp", &format!("{{\"t\":{t},\"i\":{i}}}"));
            }
            RawBsonRef::Binary(binary) => {
                let (data, kind) = (STANDARD.encode(binary.bytes), u8::from(binary.subtype));
                let body = format!("{{\"base64\":\"{data}\",\"subType\":\"{kind:02x}\"}}");
                self.wrapped("$binary", &body);
            }
            RawBsonRef::RegularExpression(regex) => {
                let pattern = quoted(regex.pattern.as_str());
                let options = quoted(regex.options.as_str());
                let body = format!("{{\"pattern\":{pattern},\"options\":{options}}}");
                self.wrapped("$regularExpression", &body);
            }
            RawBsonRef::JavaScriptCode(code) => self.wrapped("$code", &quoted(code)),
            RawBsonRef::Symbol(symbol) => self.wrapped("$symbol", &quoted(symbol)),
            RawBsonRef::Undefined => self.wrapped("$undefined", "true"),
            RawBsonRef::MaxKey => self.wrapped("$maxKey", "1"),
            RawBsonRef::MinKey => self.wrapped("$minKey", "1"),
            // Pointers, deprecated since 2009, in an option or an index: the library keeps
            // their parts to itself.
            other => self.wrapped("$dbPointer", &quoted(&format!("{other:?}"))),
        }
    }
}
