//! The page.

use super::super::run_html;
use super::{all, elements, failed, full, hostile, lost, tree};

#[test]
fn hostile_names_leave_the_page_as_it_is() {
    for report in all() {
        let page = run_html(&hostile(&report));
        assert_eq!(elements(&page), elements(&run_html(&report)));
        assert!(!page.contains("<script"), "{page}");
        for hidden in ['\u{0}', '\u{1b}', '\u{202e}', '\u{ffff}'] {
            assert!(!page.contains(hidden));
        }
    }
}

#[test]
fn a_page_fetches_and_runs_nothing() {
    for report in all() {
        let page = run_html(&hostile(&report));
        let tree = tree(&page);
        for node in tree.descendants().filter(roxmltree::Node::is_element) {
            let name = node.tag_name().name();
            assert!(
                !["script", "img", "iframe", "object", "a", "form", "base"].contains(&name),
                "{name}"
            );
            for attribute in node.attributes() {
                assert!(!attribute.name().starts_with("on"), "{name}");
                assert!(attribute.name() != "src", "{name}");
                if attribute.name() == "href" {
                    assert_eq!(attribute.value(), "data:,");
                }
            }
        }
        let style = include_str!("../html/style.css");
        assert!(!style.contains("url(") && !style.contains("@import"));
        assert!(page.contains("default-src &#39;none&#39;"));
    }
}

#[test]
fn a_page_is_for_light_and_dark_and_for_phones() {
    let page = run_html(&full());
    for wanted in [
        "prefers-color-scheme: dark",
        "max-width: 40rem",
        "width=device-width",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn identifiers_on_a_page_are_unique_and_labels_lead_somewhere() {
    for report in all() {
        let page = run_html(&report);
        let tree = tree(&page);
        let mut ids: Vec<&str> = tree
            .descendants()
            .filter_map(|n| n.attribute("id"))
            .collect();
        for label in tree
            .descendants()
            .filter_map(|n| n.attribute("aria-labelledby"))
        {
            assert!(ids.contains(&label), "{label}");
        }
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}

/// What a reader of the page reads, block by block.
fn read(page: &str) -> String {
    let tree = tree(page);
    let body = tree
        .descendants()
        .find(|node| node.has_tag_name("body"))
        .unwrap();
    let blocks = ["h1", "h2", "h3", "p", "li", "tr", "dd", "summary", "div"];
    let mut text = String::new();
    for node in body.descendants() {
        if node.is_element() && blocks.contains(&node.tag_name().name()) {
            text.push('\n');
        }
        if let Some(words) = node.text().filter(|_| node.is_text()) {
            text.push_str(words.trim_matches('\n'));
            text.push(' ');
        }
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn losses_stand_on_top_of_the_page() {
    let page = read(&run_html(&lost()));
    let at = |words: &str| {
        page.find(words)
            .unwrap_or_else(|| panic!("{words}: {page}"))
    };
    assert!(at("Lost on the copy") < at("Why it stopped"));
    assert!(at("Why it stopped") < at("Steps"));
    assert!(at("nothing allows it") < at("allowed by"));
    assert!(at("~ shop.orders") < at("+ shop.order_events"));
}

#[test]
fn what_a_page_of_a_run_that_went_well_says() {
    insta::assert_snapshot!(read(&run_html(&full())), @r"
    bookend 20261120T043512Z-shop
    ✓
    shop: completed as rehearsed in 55 s
    No data lost.  target
    shop  postgres://app@db.example:5432/shop command
    python manage.py migrate began
    2026-11-20 04:35:12 UTC
    The way back bookend rollback 20261120T043512Z-shop
    Steps
    0 10 s 20 s 30 s 40 s 50 s
    ✓ preflight 0.4 s
    PostgreSQL 15.18 · 1.8 GiB · 42 tables · pg_dump 15.18 · a copy needs about 1.8 GiB
    free space on the server: not known
    ✓ before 4.1 s
    backups/shop-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent
    ✓ proof 19 s
    identical: 42 tables, 4,300,000 rows, 17 sequences, 3 large objects
    ✓ rehearsal 12 s
    exit 0 on shop_bookend_7f3a · shop was not seen to be written
    4 more lines
    orders was locked against reads for 0.8 s
    shop.users: column name → full_name (same values), +1 column
    shop.orders: +1 index
    no data lost
    ✓ gap 3.0 s
    quiet: no write to shop was seen (42 tables read again)
    ✓ migration 12 s
    exit 0
    variables pointed at the target: DATABASE_URL
    ✓ check 0.6 s
    exit 0
    ✓ after 3.4 s
    backups/shop-20261120T043555Z-after.tar · 184 MiB · 5,210,940 rows · consistent
    ✓ compare 0.1 s
    as rehearsed
    ✓ bundle 0.9 s
    backups/20261120T043512Z-shop.bundle.tar · 355 MiB
    What changed
    object what rows
    ~ shop.users   table
    column name → full_name (same values)
    +column email_verified
    column age: type integer → bigint 120,400
    ~ shop.orders   table
    +index orders_buyer_idx 3,180,000
    + shop.order_events   table
    added (911,200 rows) 911,200
    ~ shop.sessions   table
    +260 rows 48,210 → 48,470
    → shop.coupons → shop.vouchers   table
    renamed 1,200
    ~ shop.active_users   view
    definition SELECT id, name FROM users → SELECT id, full_name FROM users WHERE email_verified
    What the rehearsal showed
    Locks held on the copy: expect the same on the target
    shop.orders reads blocked 820 ms writes blocked 2.1 s
    shop.users reads blocked 95 ms writes blocked 310 ms
    shop.coupons reads blocked 12 ms writes blocked 12 ms
    Seen
    The longest statement took 7.9 s.
    On the original too, and it is not known whose: session 4711  gunicorn: worker  from 10.0.3.7:51814.
    Still names the original:  .env: REPORTING_URL
    Writes of others
    gap  quiet   whole tables hashed again · 42 tables read again
    Rows and sizes, before and after
    rows 4,300,000 → 5,210,940
    data 1.9 GiB → 2.0 GiB
    archive 171 MiB → 184 MiB
    the copy on its server 1.8 GiB → 2.0 GiB
    Rows by table, where they changed
    shop.order_events 0 → 911,200
    shop.sessions 48,210 → 48,470
    Archives
    step archive rows size
    before backups/shop-20261120T043512Z-before.tar   proven identical 4,300,000 171 MiB
    after backups/shop-20261120T043555Z-after.tar   not proven 5,210,940 184 MiB
    journal  backups/runs/20261120T043512Z-shop/journal.jsonl
    bundle  backups/20261120T043512Z-shop.bundle.tar
    log  backups/runs/20261120T043512Z-shop/command.log
    Made from the run's journal alone.
    ");
}

#[test]
fn what_a_page_of_a_failed_run_says() {
    insta::assert_snapshot!(read(&run_html(&failed())), @r"
    bookend 20261120T043512Z-shop_catalog
    ✕
    shop, catalog: the migration failed after 1 h 10 min
    COMMAND ran on the target and failed: it may have changed it in part
    see what changed: bookend backup shop --tag now && bookend diff shop-20261120T043512Z-before latest:shop  target
    shop  postgres://app@db.example:5432/shop target
    catalog  mongodb://app@docs.example:27017/catalog command
    python manage.py migrate began
    2026-11-20 04:35:12 UTC
    Why it stopped
    the migration ended with exit code 1
    psycopg.errors.LockNotAvailable: canceling statement due to lock timeout
    The way back bookend rollback 20261120T043512Z-shop_catalog
    Steps
    0 30 min 60 min
    ✓ preflight · shop 0.4 s
    PostgreSQL 15.18 · 1.8 GiB · 42 tables
    ✓ preflight · catalog 0.4 s
    MongoDB 6.0.5 · 12 GiB · 9 collections
    ✓ before · shop 4 min 00 s
    backups/shop-20261120T043512Z-before.tar · 171 MiB · consistent
    ✓ before · catalog 6 min 00 s
    backups/catalog-20261120T043512Z-before.tar · 2.1 GiB · consistent
    – proof · shop, proof · catalog skipped
    proven yesterday on staging; the window is short
    – rehearsal skipped
    no room for a copy
    ✓ gap 2 min 00 s
    written: catalog.carts
    ✕ migration 58 min 10 s
    exit 1
    psycopg.errors.LockNotAvailable: canceling statement due to lock timeout
    variables pointed at the target: DATABASE_URL, MONGODB_URI
    – after · shop, after · catalog, compare · shop, compare · catalog, bundle skipped
    not reached: migration failed
    Writes of others
    gap of shop  quiet   whole tables hashed again · 42 tables read again
    gap of catalog  written   oplog
    carts : at least 12 rows
    sessions
    Waived
    --no-proof   because  proven yesterday on staging; the window is short
    --no-rehearsal   because  no room for a copy
    --accept-writes   because  carts may be lost
    Archives
    step archive rows size
    before · shop backups/shop-20261120T043512Z-before.tar   not proven 4,300,000 171 MiB
    before · catalog backups/catalog-20261120T043512Z-before.tar   not proven 812,000 2.1 GiB
    journal  backups/runs/20261120T043512Z-shop/journal.jsonl
    log  backups/runs/20261120T043512Z-shop/command.log
    Made from the run's journal alone.
    ");
}
