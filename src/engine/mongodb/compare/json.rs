//! The texts of definitions taken apart at their top level only: below it the order of keys
//! counts, and the text says it as it is.

/// Longer texts are cut: a report names what differs, it does not print it.
const LONGEST: usize = 200;

/// Keys and values of an object, both as they are written; `None` if it is not an object.
pub(super) fn members(object: &str) -> Option<Vec<(&str, &str)>> {
    let inside = object.strip_prefix('{')?.strip_suffix('}')?;
    pieces(inside)
        .into_iter()
        .map(|member| {
            let end = end_of_string(member)?;
            Some((
                member.get(1..end - 1)?,
                member.get(end..)?.strip_prefix(':')?,
            ))
        })
        .collect()
}

/// The object without one of its members.
pub(super) fn without(object: &str, key: &str) -> String {
    let Some(members) = members(object) else {
        return object.to_owned();
    };
    let left = members.iter().filter(|(name, _)| *name != key);
    let left = left.map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", left.collect::<Vec<_>>().join(","))
}

/// Two texts down to where they differ: the first member that does, if both are objects.
pub(super) fn differing(expected: &str, found: &str) -> (String, String) {
    let (Some(a), Some(b)) = (members(expected), members(found)) else {
        return (shortened(expected), shortened(found));
    };
    let value = |members: &[(&str, &str)], key: &str| {
        let member = members.iter().find(|(name, _)| *name == key);
        member.map_or_else(|| "nothing".to_owned(), |(_, value)| (*value).to_owned())
    };
    let keys = a.iter().chain(&b).map(|(key, _)| *key);
    for key in keys {
        let (x, y) = (value(&a, key), value(&b, key));
        if x != y {
            let said = |value: &str| format!("{key} {}", shortened(value));
            return (said(&x), said(&y));
        }
    }
    // The same members in another order.
    (shortened(expected), shortened(found))
}

pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What is between the commas at the top level.
fn pieces(inside: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut at, mut depth) = (0, 0, 0_usize);
    while let Some(byte) = inside.as_bytes().get(at) {
        match byte {
            b'"' => {
                let rest = inside.get(at..).unwrap_or_default();
                at += end_of_string(rest).unwrap_or(rest.len()) - 1;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                pieces.extend(inside.get(from..at));
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.extend(inside.get(from..).filter(|last| !last.is_empty()));
    pieces
}

/// Behind the closing quote of the string that begins `text`.
fn end_of_string(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    bytes.next().filter(|(_, byte)| *byte == b'"')?;
    let mut escaped = false;
    for (at, byte) in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}
