//! Reads a Rust source as far as the layer rules need: which paths its code names. Comments,
//! literals and test code are left out first.

/// The code without comments, literals and items under `#[cfg(test)]`.
pub fn code_only(source: &str) -> String {
    without_test_items(&without_literals(source))
}

/// Names of modules declared as `#[cfg(test)] mod NAME;`: their files hold test code.
pub fn test_modules(source: &str) -> Vec<String> {
    let code = without_literals(source);
    let mut names = Vec::new();
    for (at, marker) in code.match_indices("#[cfg(test)]") {
        let item = &code[at + marker.len()..item_end(&code, at + marker.len())];
        let words: Vec<&str> = item.split_whitespace().collect();
        if let ["mod", name] = words.as_slice()
            && let Some(name) = name.strip_suffix(';')
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// Every path with at least two segments, with `use a::{b, c::d}` written out, and with
/// `self::` and `super::` resolved against the module that the file is.
pub fn paths(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_name(&tokens[at]) {
            at = read_tree(&tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found.retain(|path| path.len() > 1);
    found
        .into_iter()
        .map(|path| resolve(path, module))
        .collect()
}

/// The last macro-like names: `println!` is named `println`.
pub fn macros(code: &str) -> Vec<String> {
    let tokens = tokens(code);
    tokens
        .windows(2)
        .filter(|pair| is_name(&pair[0]) && pair[1] == "!")
        .map(|pair| pair[0].clone())
        .collect()
}

fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    match path[0].as_str() {
        "self" => with_prefix("crate", module, &path[1..]),
        "super" => {
            let ups = path
                .iter()
                .take_while(|segment| *segment == "super")
                .count();
            let above = &module[..module.len().saturating_sub(ups)];
            with_prefix("crate", above, &path[ups..])
        }
        _ => path,
    }
}

fn with_prefix(first: &str, middle: &[String], rest: &[String]) -> Vec<String> {
    let first = std::iter::once(first.to_owned());
    first
        .chain(middle.iter().cloned())
        .chain(rest.iter().cloned())
        .collect()
}

/// Reads one path or use tree that begins at `at`; gives the place after it.
fn read_tree(
    tokens: &[String],
    mut at: usize,
    before: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = before.to_vec();
    while at < tokens.len() {
        match tokens[at].as_str() {
            "::" if tokens.get(at + 1).is_some_and(|next| next == "<") => break,
            "::" => at += 1,
            "{" if at > 0 && tokens[at - 1] == "::" => {
                return read_group(tokens, at + 1, &path, found);
            }
            name if is_name(name) => {
                path.push(name.to_owned());
                at += 1;
                if tokens.get(at).is_none_or(|next| next != "::") {
                    break;
                }
            }
            _ => break,
        }
    }
    found.push(path);
    at
}

fn read_group(
    tokens: &[String],
    mut at: usize,
    path: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
    while at < tokens.len() && tokens[at] != "}" {
        at = if is_name(&tokens[at]) {
            let next = read_tree(tokens, at, path, found);
            // `as other` is no path of its own.
            if tokens.get(next).is_some_and(|word| word == "as") {
                next + 2
            } else {
                next
            }
        } else {
            at + 1
        };
    }
    at + 1
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn tokens(code: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    tokens
}

fn without_test_items(code: &str) -> String {
    let mut kept = String::new();
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let at = from + found;
        kept.push_str(&code[from..at]);
        from = item_end(code, at + "#[cfg(test)]".len());
    }
    kept + &code[from..]
}

/// Where the item that begins at `from` ends: after its `;` or its braces.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code[from..].char_indices() {
        match c {
            ';' if depth == 0 => return from + at + 1,
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return from + at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Comments become a space, literals an empty string.
fn without_literals(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, stands_for) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), " ")
        } else if rest.starts_with("/*") {
            (block_comment(rest), " ")
        } else if let Some(length) = string(rest, code.chars().last()) {
            (length, "\"\"")
        } else if let Some(length) = character(rest) {
            (length, "''")
        } else {
            (first.len_utf8(), &rest[..first.len_utf8()])
        };
        code.push_str(stands_for);
        rest = &rest[length..];
    }
    code
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of a string literal, raw or not, that begins here.
fn string(text: &str, before: Option<char>) -> Option<usize> {
    if text.starts_with('"') {
        return Some(closing(text, 1));
    }
    let word_before = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let opening = text.strip_prefix('b').unwrap_or(text);
    let hashes = opening.strip_prefix('r')?;
    let quote = hashes.trim_start_matches('#');
    if word_before || !quote.starts_with('"') {
        return None;
    }
    let end = format!("\"{}", &hashes[..hashes.len() - quote.len()]);
    let start = text.len() - quote.len() + 1;
    let found = text[start..].find(&end).unwrap_or(text.len() - start);
    Some((start + found + end.len()).min(text.len()))
}

fn closing(text: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in text[from..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return from + at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a character literal that begins here; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let mut chars = inside.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (after, _) = chars.nth(1)?;
        return Some(1 + after + inside[after..].find('\'').map_or(0, |at| at + 1));
    }
    let (after, quote) = chars.next()?;
    (quote == '\'').then_some(1 + after + 1)
}
