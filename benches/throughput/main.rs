//! Rows a second into the stores, as a share of what their databases take from plain inserts.
//! README.md explains the output.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is the result")]

mod measure;
mod plain;
mod subjects;

use std::process::ExitCode;

use measure::{Measured, measure};
use subjects::Subject;

fn main() -> ExitCode {
    if std::env::var_os("PLEDGE_TEST_MYSQL_URL").is_none() {
        eprintln!(
            "PLEDGE_TEST_MYSQL_URL names no server: run \
             `scripts/services.sh exec cargo bench -p pledge-benches --bench throughput`"
        );
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        println!("{}", measure::plan());
        let mut results = Vec::new();
        for mut subject in [Subject::sqlite().await, Subject::mysql().await] {
            println!("{}: {}", subject.name, subject.settings);
            results.push((subject.name, measure(&mut subject).await));
        }
        print_table(&results);
    });
    ExitCode::SUCCESS
}

fn print_table(results: &[(&str, Measured)]) {
    let row = |title: &str, cell: &dyn Fn(&Measured) -> String| {
        let cells = results.iter().map(|(_, measured)| format!("{:>12}", cell(measured)));
        println!("{title:<34}{}", cells.collect::<String>());
    };
    let names = results.iter().map(|(name, _)| format!("{name:>12}")).collect::<String>();
    println!("\n{:<34}{names}", "rows a second, median");
    row("plain INSERT", &|m| m.plain.to_string());
    row("commit", &|m| m.commit.to_string());
    row("read, fold and commit", &|m| m.slice.to_string());
    row("commit, share of plain", &|m| format!("{} %", m.commit * 100 / m.plain));
    row("read, fold and commit, share", &|m| format!("{} %", m.slice * 100 / m.plain));
}
