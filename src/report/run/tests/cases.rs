//! The test cases for CI systems.

use super::super::{StepState, run_junit};
use super::{all, elements, hostile, lost, tree};

#[test]
fn cases_for_ci_name_what_failed_and_why() {
    insta::assert_snapshot!(run_junit(&lost()), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="bookend" tests="12" failures="3" errors="0" skipped="6" time="37.200">
      <testsuite name="bookend run shop" timestamp="2026-11-20T04:35:12" tests="12" failures="3" errors="0" skipped="6" time="37.200">
        <properties>
          <property name="run" value="20261120T043512Z-shop"/>
          <property name="state" value="loss_refused"/>
          <property name="command" value="python manage.py migrate"/>
          <property name="target.shop" value="postgres://app@db.example:5432/shop"/>
        </properties>
        <testcase classname="bookend run shop" name="preflight" time="0.400">
          <system-out>PostgreSQL 15.18 · 1.8 GiB · 42 tables · pg_dump 15.18 · a copy needs about 1.8 GiB</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="before" time="4.100">
          <system-out>backups/shop-20261120T043512Z-before.tar · 171 MiB · 4,300,000 rows · consistent</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="proof" time="18.900">
          <system-out>identical: 42 tables, 4,300,000 rows, 17 sequences, 3 large objects</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="rehearsal" time="13.800">
          <failure type="loss_refused" message="the rehearsal lost data that nothing allows">exit 0 on shop_bookend_7f3a · shop was not seen to be written
    lost: shop.orders: 260,114 rows
    lost: shop.users.phone: 98,211 values that are not null</failure>
          <system-out>exit 0 on shop_bookend_7f3a · shop was not seen to be written
    lost: shop.orders: 260,114 rows
    lost: shop.users.phone: 98,211 values that are not null</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="gap" time="0.000">
          <skipped message="not reached: loss refused"/>
          <system-out>not reached: loss refused</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="migration" time="0.000">
          <skipped message="not reached: loss refused"/>
          <system-out>not reached: loss refused</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="after" time="0.000">
          <skipped message="not reached: loss refused"/>
          <system-out>not reached: loss refused</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="compare" time="0.000">
          <skipped message="not reached: loss refused"/>
          <system-out>not reached: loss refused</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="bundle" time="0.000">
          <skipped message="not reached: loss refused"/>
          <system-out>not reached: loss refused</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="no data lost" time="0.000">
          <failure type="loss_refused" message="shop.orders: 260,114 rows (in the rehearsal); and 1 more">shop.orders: 260,114 rows (in the rehearsal)
    shop.users_email_key: constraint gone (in the rehearsal)</failure>
          <system-out>shop.orders: 260,114 rows (in the rehearsal)
    shop.users_email_key: constraint gone (in the rehearsal)
    shop.users.phone: 98,211 values that are not null (in the rehearsal, allowed by shop.users.phone)</system-out>
        </testcase>
        <testcase classname="bookend run shop" name="as rehearsed" time="0.000">
          <skipped message="nothing was compared"/>
        </testcase>
        <testcase classname="bookend run shop" name="run" time="0.000">
          <failure type="loss_refused" message="the rehearsal lost data that nothing allows">shop.orders: 260,114 rows
    shop.users_email_key: constraint gone
    hint: if that is meant: --allow-loss &apos;shop.orders&apos; --allow-loss &apos;shop.users_email_key&apos;
    COMMAND was not started on shop; it was not changed</failure>
          <system-out>refused after 37 s, because the rehearsal lost data</system-out>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn cases_for_ci_are_well_formed_whatever_things_are_called() {
    for report in all() {
        let clean = run_junit(&report);
        let poisoned = run_junit(&hostile(&report));
        assert_eq!(elements(&clean), elements(&poisoned));
        let tree = tree(&poisoned);
        let suite = tree.root_element().first_element_child().unwrap();
        let number = |tag: &str| {
            let found = tree.descendants().filter(|node| node.has_tag_name(tag));
            found.count().to_string()
        };
        assert_eq!(suite.attribute("tests"), Some(number("testcase").as_str()));
        assert_eq!(
            suite.attribute("failures"),
            Some(number("failure").as_str())
        );
        assert_eq!(suite.attribute("errors"), Some(number("error").as_str()));
        assert_eq!(suite.attribute("skipped"), Some(number("skipped").as_str()));
    }
}

#[test]
fn a_refused_run_fails_in_ci_even_where_no_step_did() {
    let mut report = lost();
    for step in &mut report.steps {
        step.state = StepState::Ok;
    }
    report.rehearsals.clear();
    report.state = "refused".to_owned();
    let xml = run_junit(&report);
    let tree = tree(&xml);
    let failing: Vec<_> = tree
        .descendants()
        .filter(|node| node.has_tag_name("failure"))
        .filter_map(|node| node.parent()?.attribute("name"))
        .collect();
    assert_eq!(failing, ["run"]);
}
