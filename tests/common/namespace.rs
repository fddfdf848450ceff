//! Mounts and networks of a test's own, which are gone with the processes in them.

use std::process::Command;

/// `unshare` with a mount name space and these more: for root as it is, for others as root of a
/// user name space. Where the system allows neither, the test that needs it fails.
pub fn unshare(more: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--mount").args(more);
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
}

/// What a script in a name space exits with when it may not do what the test needs.
pub const FORBIDDEN: i32 = 99;

/// Fails the test where a name space could not be made.
pub fn expect_allowed(output: &super::Output) {
    let refused = output.stderr.contains("unshare failed") || output.code == Some(FORBIDDEN);
    assert!(
        !refused,
        "this test needs a mount of its own: run it as root, or allow user name spaces \
         (sysctl kernel.unprivileged_userns_clone=1, \
         kernel.apparmor_restrict_unprivileged_userns=0)\n{output}"
    );
}
