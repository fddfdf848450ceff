//! The comment on a pull request.

use serde_json::Value;

use super::super::run_markdown;
use super::{all, full, hostile, lost};

#[test]
fn a_comment_of_a_run_that_went_well() {
    insta::assert_snapshot!(run_markdown(&full()), @r"
    ### ✅ `shop`: completed as rehearsed in 55 s

    **No data lost** · `python manage.py migrate` · run `20261120T043512Z-shop`

    | | step | time | |
    |---|---|--:|---|
    | ✅ | preflight | 0.4 s | PostgreSQL 15.18 · 1.8 GiB · 42 tables · pg\_dump 15.18 · a copy needs about 1.8 GiB |
    | ✅ | before | 4.1 s | backups/shop-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent |
    | ✅ | proof | 19 s | identical: 42 tables, 4,300,000 rows, 17 sequences, 3 large objects |
    | ✅ | rehearsal | 12 s | exit 0 on shop\_bookend\_7f3a · shop was not seen to be written |
    | ✅ | gap | 3.0 s | quiet: no write to shop was seen (42 tables read again) |
    | ✅ | migration | 12 s | exit 0 |
    | ✅ | check | 0.6 s | exit 0 |
    | ✅ | after | 3.4 s | backups/shop-20261120T043555Z-after.tar · 184 MiB · 5,210,940 rows · consistent |
    | ✅ | compare | 0.1 s | as rehearsed |
    | ✅ | bundle | 0.9 s | backups/20261120T043512Z-shop.bundle.tar · 355 MiB |

    <details><summary>What changed: 6 objects</summary>

    | | object | what | rows |
    |---|---|---|--:|
    | ✏️ | `shop.users` table | column name → full\_name (same values)<br>+column email\_verified<br>column age: type integer → bigint | 120,400 |
    | ✏️ | `shop.orders` table | +index orders\_buyer\_idx | 3,180,000 |
    | ➕ | `shop.order_events` table | added (911,200 rows) | 911,200 |
    | ✏️ | `shop.sessions` table | +260 rows | 48,210 → 48,470 |
    | ➡️ | `shop.coupons → shop.vouchers` table | renamed | 1,200 |
    | ✏️ | `shop.active_users` view | definition SELECT id, name FROM users → SELECT id, full\_name FROM users WHERE email\_verified |  |

    </details>

    <details><summary>Locks held in the rehearsal</summary>

    | table | reads blocked | writes blocked |
    |---|--:|--:|
    | `shop.orders` | 820 ms | 2.1 s |
    | `shop.users` | 95 ms | 310 ms |
    | `shop.coupons` | 12 ms | 12 ms |

    </details>

    The way back:

    ```sh
    bookend rollback 20261120T043512Z-shop
    ```
    ");
}

#[test]
fn a_comment_of_a_refused_run() {
    insta::assert_snapshot!(run_markdown(&lost()), @r"
    ### ⚠️ `shop`: refused after 37 s, because the rehearsal lost data

    **The rehearsal lost data on the copy: 3 losses** · `python manage.py migrate` · run `20261120T043512Z-shop`

    COMMAND was not started on shop; it was not changed

    > [!CAUTION]
    > - `shop.orders`: 260,114 rows (in the rehearsal)
    > - `shop.users_email_key`: constraint gone (in the rehearsal)
    > - `shop.users.phone`: 98,211 values that are not null (in the rehearsal, allowed by `shop.users.phone`)

    > **the rehearsal lost data that nothing allows**
    >
    > hint: if that is meant: --allow-loss 'shop.orders' --allow-loss 'shop.users\_email\_key'

    | | step | time | |
    |---|---|--:|---|
    | ✅ | preflight | 0.4 s | PostgreSQL 15.18 · 1.8 GiB · 42 tables · pg\_dump 15.18 · a copy needs about 1.8 GiB |
    | ✅ | before | 4.1 s | backups/shop-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent |
    | ✅ | proof | 19 s | identical: 42 tables, 4,300,000 rows, 17 sequences, 3 large objects |
    | ❌ | rehearsal | 14 s | exit 0 on shop\_bookend\_7f3a · shop was not seen to be written |
    | ➖ | gap, migration, after, compare, bundle |  | not reached: loss refused |

    <details><summary>What the rehearsal changed: 3 objects</summary>

    | | object | what | rows |
    |---|---|---|--:|
    | ✏️ | `shop.orders` table | -260,114 rows | 3,180,000 → 2,919,886 |
    | ✏️ | `shop.users` table | -column phone (98,211 values)<br>-constraint users\_email\_key | 120,400 |
    | ➕ | `shop.order_events` table | added (911,200 rows) | 911,200 |

    </details>

    <details><summary>Locks held in the rehearsal</summary>

    | table | reads blocked | writes blocked |
    |---|--:|--:|
    | `shop.orders` | 48 s | 48 s |
    | `shop.users` | – | 1.3 s |

    </details>
    ");
}

#[test]
fn hostile_names_leave_the_comment_as_it_is() {
    for report in all() {
        let clean = run_markdown(&report);
        let poisoned = run_markdown(&hostile(&report));
        assert_eq!(
            clean.lines().count(),
            poisoned.lines().count(),
            "{poisoned}"
        );
        for (clean, poisoned) in clean.lines().zip(poisoned.lines()) {
            assert_eq!(bars(clean), bars(poisoned), "{poisoned}");
        }
        // What is escaped is text.
        let prose = without_code(&poisoned).replace("\\]", "");
        for mark in ["<script", "](http", "@team", "<!--"] {
            assert!(!prose.contains(mark), "{mark} in {prose}");
        }
        assert_eq!(
            prose.matches("<details>").count(),
            clean.matches("<details>").count()
        );
    }
}

/// Bars that part the cells of a table.
fn bars(line: &str) -> usize {
    if line.starts_with('|') {
        line.replace("\\|", "").matches('|').count()
    } else {
        0
    }
}

/// The text outside of spans and blocks of code, as Markdown reads it.
fn without_code(text: &str) -> String {
    let mut prose = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('`') {
        let escaped = rest[..start].ends_with('\\');
        let run = rest[start..].chars().take_while(|c| *c == '`').count();
        prose.push_str(&rest[..start]);
        let after = &rest[start + run..];
        let end = if escaped { None } else { closing(after, run) };
        rest = match end {
            Some(end) => &after[end + run..],
            None => after,
        };
    }
    prose.push_str(rest);
    prose
}

fn closing(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let length = text[start..].chars().take_while(|c| *c == '`').count();
        if length == run {
            return Some(start);
        }
        at = start + length;
    }
    None
}

#[test]
fn a_comment_is_never_too_long_for_a_forge() {
    let mut report = lost();
    let difference = report.rehearsals[0].difference.as_mut().unwrap();
    let one = difference["objects"][0].clone();
    let mut long = one.clone();
    long["notes"] = Value::Array(vec![Value::String("note ".repeat(500)); 90]);
    difference["objects"] = Value::Array(vec![long; 90]);
    let comment = run_markdown(&report);
    assert!(comment.chars().count() < 65_000, "{}", comment.len());
    assert!(comment.contains("too many for a comment"));
}
