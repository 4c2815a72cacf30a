//! How a MariaDB is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::program;

const PACKAGE: &str = "mariadb-server";

pub(super) fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Options of both programs. The system's configuration is not read.
fn options(command: &mut Command, folder: &Path) {
    command.arg("--no-defaults");
    command.arg(format!("--datadir={}", data(folder).display()));
    command.arg(format!("--tmpdir={}", folder.display()));
    command.args(["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M"]);
    // MariaDB refuses to run as root without this option.
    let user = Command::new("id").arg("-u").output().expect("`id` can be run");
    if user.stdout.trim_ascii() == b"0" {
        command.arg("--user=root");
    }
}

/// Makes the system's tables.
pub(super) fn install(folder: &Path) {
    let mut command = Command::new(program("mariadb-install-db", PACKAGE));
    options(&mut command, folder);
    command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
    let made = command.output().expect("the program can be run");
    let errors = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "mariadb-install-db fails: {errors}");
}

pub(super) fn command(folder: &Path, port: u16) -> Command {
    let mut command = Command::new(program("mariadbd", PACKAGE));
    options(&mut command, folder);
    command.arg(format!("--port={port}"));
    command.arg(format!("--socket={}", folder.join("socket").display()));
    command.args(["--bind-address=127.0.0.1", "--skip-log-bin"]);
    command
}

pub(super) async fn answers(url: &str, data: &Path) -> bool {
    let options: MySqlConnectOptions = url.parse().expect("a URL that this crate built");
    let Ok(mut connection) = options.connect().await else { return false };
    let found: Result<String, _> =
        sqlx::query_scalar("SELECT @@datadir").fetch_one(&mut connection).await;
    // It does not matter whether the server notices the end of the connection.
    let _ = connection.close().await;
    found.is_ok_and(|found| Path::new(&found) == data)
}
