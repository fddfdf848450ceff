//! PATTERN of the command line: a glob on names as they are printed.

/// True if `name` matches `pattern` (`*`, `?`, `[…]`). A pattern that is no valid glob matches
/// only itself, so that names with brackets can be written as they are.
#[must_use]
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    pattern == name || glob::Pattern::new(pattern).is_ok_and(|glob| glob.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_part_of_a_name() {
        assert!(glob_matches("public.log_*", "public.log_2024"));
        assert!(!glob_matches("public.log_*", "audit.log_2024"));
        assert!(glob_matches("*", "a/b"));
    }

    #[test]
    fn names_with_brackets_match_themselves() {
        assert!(glob_matches("public.\"a[\"", "public.\"a[\""));
    }
}
