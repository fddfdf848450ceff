//! The program: an exit code, nothing else.

fn main() -> std::process::ExitCode {
    bookend::cli::main()
}
