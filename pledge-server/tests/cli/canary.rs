//! No secret of the configuration is in anything that comes out of the program.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use pledge_core::primitives::Address;
use pledge_testing::{MySqlPlace, OwnServer};
use sqlx::{AssertSqlSafe, Executor};
use tokio::runtime::Runtime;

use crate::node::{CHAIN, NORMAL, Node, THREE_PM, account, token, tokens};
use crate::process::{Folder, Running, ask};

/// The secret of every place that may hold one, in no other text.
const CANARY: &str = "c4n4ryK3yx9";
/// The same in the header of a node that wants a name and a password: base64 of `me:` and the canary.
const CANARY_BASE64: &str = "bWU6YzRuNHJ5SzN5eDk";

/// Servers that want the canary as their password.
struct Servers {
    database: MySqlPlace,
    mariadb: OwnServer,
    redis: OwnServer,
    runtime: Runtime,
}

impl Servers {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let mariadb = runtime.block_on(OwnServer::mariadb(&[]));
        let password = format!(">{CANARY}");
        let user = ["--user", "canary", "on", &password, "~*", "&*", "+@all"];
        let redis = runtime.block_on(OwnServer::redis(&user));
        let database = runtime.block_on(MySqlPlace::on(&mariadb.url()));
        let mut admin = runtime.block_on(database.outsider());
        for statement in [
            format!("CREATE USER canary@'%' IDENTIFIED BY '{CANARY}'"),
            "GRANT ALL ON *.* TO canary@'%'".to_owned(),
        ] {
            runtime.block_on(admin.execute(AssertSqlSafe(statement))).unwrap();
        }
        Self { database, mariadb, redis, runtime }
    }

    fn storage(&self) -> String {
        let url = self.database.url();
        let (_, place) = url.split_once('@').unwrap();
        format!("mysql://canary:{CANARY}@{place}")
    }

    fn redis(&self) -> String {
        let url = self.redis.url();
        format!("redis://canary:{CANARY}@{}", url.trim_start_matches("redis://"))
    }
}

/// A configuration with the canary in every url and in the key of sign-in.
fn folder(node: &Node, web_socket: &TcpListener) -> Folder {
    Folder::with_config(&format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[logs]\ndir = \"logs\"\n\
         [access]\nsecret_key = \"{CANARY} and so on to have 32 bytes\"\ndomain = \"127.0.0.1\"\n\
         [chains.local]\nchain_id = {CHAIN}\nconfirmations = 1\npoll_interval = \"50ms\"\n\
         rpc_urls = [\"http://me:{CANARY}@{}/?key={CANARY}\", \"http://127.0.0.1:9/v3/{CANARY}\"]\n\
         ws_url = \"ws://{}/v3/{CANARY}?key={CANARY}\"\n\
         [chains.local.tokens.plg]\naddress = \"{}\"\n\
         [chains.local.tokens.plg.points]\nrate = \"0.05\"\n",
        node.address,
        web_socket.local_addr().unwrap(),
        token()
    ))
}

/// Everything that came out, each with where it came from.
#[derive(Default)]
struct Outputs(Vec<(String, String)>);

impl Outputs {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    /// Every answer that a reader may get, errors included.
    fn ask_everything(&mut self, server: &str) {
        let of_token = format!("/api/v1/chains/{CHAIN}/tokens/{}", token());
        let of_account = format!("{of_token}/accounts/{}", account(1));
        for path in [
            "/metrics".to_owned(),
            "/healthz".to_owned(),
            "/ping".to_owned(),
            "/readyz".to_owned(),
            "/readyz?strict".to_owned(),
            "/openapi.json".to_owned(),
            "/api/v1/chains".to_owned(),
            format!("/api/v1/chains/{CHAIN}"),
            format!("/api/v1/chains/{CHAIN}/tokens"),
            format!("{of_token}/accounts"),
            format!("{of_account}/changes"),
            format!("{of_account}/points"),
            format!("{of_account}/statements"),
            format!("/api/v1/accounts/{}", account(1)),
            "/api/v1/settlements".to_owned(),
            "/api/v1/settlements/none".to_owned(),
            "/api/v1/none".to_owned(),
            of_token,
            of_account,
        ] {
            self.add(path.clone(), ask(server, &path));
        }
    }

    fn run(
        &mut self,
        folder: &Folder,
        variables: &[(&str, &str)],
        command: &[&str],
    ) -> Option<i32> {
        let ended = folder.run_with(variables, command);
        self.add(format!("{command:?}"), ended.stdout + &ended.stderr);
        ended.code
    }

    fn read_files(&mut self, of: &Path) {
        for entry in fs::read_dir(of).unwrap() {
            let file = entry.unwrap().path();
            self.add(file.display().to_string(), fs::read_to_string(&file).unwrap());
        }
    }

    /// Fails with the line that has the canary.
    fn have_no_canary(&self) {
        for (place, text) in &self.0 {
            let shown =
                text.lines().find(|line| line.contains(CANARY) || line.contains(CANARY_BASE64));
            assert_eq!(shown, None, "the canary is in {place}");
        }
    }
}

fn until_settled(server: &Running) {
    let board = format!("chains/{CHAIN}/tokens/{}/accounts?sort=points", token());
    server.get_until(&board, |answer| answer["items"][0]["points"] == "6.666666666666666666");
}

#[test]
fn no_secret_comes_out_while_all_works_nor_while_everything_fails() {
    let mut servers = Servers::start();
    let node = Node::with_the_first_hour(NORMAL);
    let web_socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder(&node, &web_socket);
    let (storage, redis) = (servers.storage(), servers.redis());
    let variables = [
        ("PLEDGE_STORAGE__URL", &*storage),
        ("PLEDGE_STORAGE__REDIS_URL", &*redis),
        ("RUST_LOG", "trace"),
    ];
    let mut outputs = Outputs::default();
    let server = folder.start_with(&variables, &["run"]);
    until_settled(&server);
    server.get_until("/readyz", |ready| ready["redis"]["status"] == "up");
    outputs.ask_everything(&server.server);
    for command in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "check"],
        &["config", "check", "--json"],
        &["status"],
        &["verify"],
        &["settlements", "--json"],
        &["export", "--to", "backup"],
    ] {
        let code = outputs.run(&folder, &variables, command);
        assert!(code.is_some_and(|code| code != 2), "{command:?}: {:?}", outputs.0.last());
    }
    let password = format!("{CANARY} and more");
    let made = folder.run_with_input(&password, &variables, &["admin", "create", "olivia"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    outputs.add("admin create", made.stdout + &made.stderr);
    outputs.read_files(&folder.path().join("backup"));
    node.mine(THREE_PM + 7_200, Address::ZERO, account(2), tokens(1));
    drop(node);
    servers.redis.kill();
    servers.mariadb.kill();
    server.get_until("/readyz", |ready| ready["status"] == 503);
    outputs.ask_everything(&server.server);
    for command in [&["status"][..], &["config", "check"], &["migrate"], &["run"], &["index"]] {
        outputs.run(&folder, &variables, command);
    }
    let wrong = [("PLEDGE_STORAGE__URL", &*format!("mysqll://canary:{CANARY}@h/d")), variables[2]];
    assert_eq!(outputs.run(&folder, &wrong, &["status"]), Some(2));
    let printed = server.printed();
    assert!(printed.contains("TRACE"), "everything is logged");
    outputs.add("the server's outputs", printed);
    drop(server);
    outputs.read_files(&folder.path().join("logs"));
    // The database of the test is removed from it.
    servers.runtime.block_on(servers.mariadb.start());
    outputs.have_no_canary();
}

/// What the test above looks for is where it looks.
#[test]
fn the_canary_is_found_where_it_is() {
    let mut outputs = Outputs::default();
    outputs.add("a log", format!("connecting\nGET /v3/{CANARY}"));
    assert!(std::panic::catch_unwind(|| outputs.have_no_canary()).is_err());
}
