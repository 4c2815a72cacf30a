//! Single wrong values.

use crate::good::{GOOD, USDX, load};

/// The one problem that a change of the good configuration makes.
fn problem(from: &str, to: &str) -> (String, String) {
    assert!(GOOD.contains(from), "{from} is not in the good configuration");
    let error = load(&GOOD.replace(from, to), &[]).unwrap_err();
    let [problem] = error.problems() else {
        panic!("one problem expected for {to}: {error}");
    };
    (problem.key.clone(), problem.what.clone())
}

/// What is replaced, by what, the key that is named, and a part of the remedy.
const WRONG_VALUES: &[(&str, &str, &str, &str)] = &[
    ("listen =", "port = 1\nlisten =", "server.port", "unknown field"),
    ("chain_id = 11155111", "chain_id = -1", "chains.sepolia.chain_id", "not negative"),
    ("chain_id = 11155111", "", "chains.sepolia.chain_id", "is missing"),
    (
        "[storage]",
        "[settlement]\nbatch_changes = 0\n[storage]",
        "settlement.batch_changes",
        "1 to 1000000",
    ),
    (
        "[storage]",
        "[settlement]\nbatch_accounts = 1000001\n[storage]",
        "settlement.batch_accounts",
        "1 to 1000000",
    ),
    (
        "[storage]",
        "[settlement]\ninterval = \"1ms\"\n[storage]",
        "settlement.interval",
        "from 50ms to 1h",
    ),
    ("[storage]", "[logs]\nmegabytes = 0\n[storage]", "logs.megabytes", "1 to 1000000"),
    ("[storage]", "[limits]\nconnections = 0\n[storage]", "limits.connections", "1 to 1000000"),
    (
        "[storage]",
        "[limits]\nheader_timeout = \"0s\"\n[storage]",
        "limits.header_timeout",
        "from 100ms to 5m",
    ),
    ("[storage]", "[limits]\nwrite_timeout = \"1h\"\n[storage]", "limits.write_timeout", "to 10m"),
    ("[storage]", "[limits]\ndrain = \"3s\"\n[storage]", "limits.drain", "to 2500ms"),
    (
        "[storage]",
        "[limits]\nreads_concurrent = 0\n[storage]",
        "limits.reads_concurrent",
        "1 to 1000",
    ),
    (
        "[storage]",
        "[limits]\nreads_waiting = 10001\n[storage]",
        "limits.reads_waiting",
        "0 to 10000",
    ),
    (
        "[storage]",
        "[limits]\nreads_wait = \"2m\"\n[storage]",
        "limits.reads_wait",
        "from 10ms to 1m",
    ),
    ("[storage]", "[limits]\nbody_bytes = 1048577\n[storage]", "limits.body_bytes", "0 to 1048576"),
    (
        "[storage]",
        "[limits]\nrequest_timeout = \"0s\"\n[storage]",
        "limits.request_timeout",
        "from 100ms to 10m",
    ),
    (
        "[storage]",
        "[limits]\nanswer_timeout = \"2h\"\n[storage]",
        "limits.answer_timeout",
        "from 100ms to 1h",
    ),
    (
        "[storage]",
        "[limits]\nrequests_per_second = 1000001\n[storage]",
        "limits.requests_per_second",
        "0 to 1000000",
    ),
    ("[storage]", "[limits]\nburst = 0\n[storage]", "limits.burst", "1 to 1000000"),
    (
        "listen =",
        "trusted_proxies = [\"10.0.0.0/8\", \"proxy\"]\nlisten =",
        "server.trusted_proxies[1]",
        "write ADDRESS/BITS, such as 10.0.0.7/32",
    ),
    (
        "listen =",
        "trusted_proxies = [\"10.0.0.7/8\"]\nlisten =",
        "server.trusted_proxies[0]",
        "write 10.0.0.0/8",
    ),
    (
        "listen =",
        "trusted_proxies = [\"0.0.0.0/0\"]\nlisten =",
        "server.trusted_proxies[0]",
        "name each proxy",
    ),
    (
        "listen =",
        "allowed_origins = [\"*\"]\nlisten =",
        "server.allowed_origins[0]",
        "name each origin",
    ),
    (
        "listen =",
        "allowed_origins = [\"https://App.example/\"]\nlisten =",
        "server.allowed_origins[0]",
        "write https://app.example",
    ),
    (
        "listen =",
        "allowed_origins = [\"app.example\"]\nlisten =",
        "server.allowed_origins[0]",
        "is not an origin",
    ),
    ("[storage]", "[logs]\nkept = 10001\n[storage]", "logs.kept", "1 to 10000"),
    ("[storage]", "[logs]\ndays = 3651\n[storage]", "logs.days", "1 to 3650"),
    ("[storage]", "[logs]\ndir = \" \"\n[storage]", "logs.dir", "names no folder"),
    ("[storage]", "[logs]\nlevel = \"loud\"\n[storage]", "logs.level", "write one such as `info`"),
    ("poll_interval", "pol_interval", "chains.sepolia.pol_interval", "unknown field"),
    ("500ms", "soon", "chains.sepolia.poll_interval", "such as \"2s\""),
    ("500ms", "0s", "chains.sepolia.poll_interval", "out of range"),
    ("\"25s\"", "\"500ms\"", "chains.sepolia.request_timeout", "from 1s to 10m"),
    ("\"25s\"", "\"11m\"", "chains.sepolia.request_timeout", "from 1s to 10m"),
    ("\"25s\"", "25", "chains.sepolia.request_timeout", "string"),
    ("\"20m\"", "\"0s\"", "chains.sepolia.clock_slack", "or \"unlimited\""),
    ("\"20m\"", "\"2d\"", "chains.sepolia.clock_slack", "from 1s to 1d"),
    ("\"20m\"", "\"none\"", "chains.sepolia.clock_slack", "or \"unlimited\""),
    ("confirmations = 3", "confirmations = 3.5", "chains.sepolia.confirmations", "whole number"),
    (
        "confirmations = 3",
        "confirmations = 3\nfinality = \"finalized\"",
        "chains.sepolia.finality",
        "remove one",
    ),
    ("confirmations = 3", "finality = \"safe\"", "chains.sepolia.finality", "finalized"),
    (
        "confirmations = 3",
        "confirmations = 100\nretained_headers = 100",
        "chains.sepolia.retained_headers",
        "raise it",
    ),
    (
        "confirmations = 3",
        "confirmations = 3\nretained_headers = 63",
        "chains.sepolia.retained_headers",
        "from 64 to 100000",
    ),
    (
        "confirmations = 3",
        "finality = \"finalized\"\nretained_headers = 100001",
        "chains.sepolia.retained_headers",
        "from 64 to 100000",
    ),
    ("\"receipts\"", "\"all\"", "chains.sepolia.log_proof", "write \"bloom\""),
    ("= 25", "= 0", "chains.sepolia.requests_per_second", "from 1 to"),
    ("cross_check = true", "cross_check = \"yes\"", "chains.sepolia.cross_check", "true or false"),
    ("cross_check =", "audit =", "chains.sepolia.audit", "write cross_check"),
    ("log_proof =", "verify =", "chains.sepolia.verify", "write log_proof"),
    (
        ", \"http://two.example:8545\"]",
        "]",
        "chains.sepolia.cross_check",
        "name one more in rpc_urls, or remove cross_check",
    ),
    (
        "http://two.example:8545",
        "https://one.example/key",
        "chains.sepolia.rpc_urls[1]",
        "named twice",
    ),
    ("http://two", "ws://two", "chains.sepolia.rpc_urls[1]", "use http or https"),
    ("wss://one", "https://one", "chains.sepolia.ws_url", "use ws or wss"),
    ("wss://one.example", "one.example", "chains.sepolia.ws_url", "write wss://"),
    (
        "[\"https://one.example/key\", \"http://two.example:8545\"]",
        "[]",
        "chains.sepolia.rpc_urls",
        "at least one node",
    ),
    ("eB48", "eb48", "chains.sepolia.tokens.usdx.address", "checksum"),
    ("eB48", "eB4", "chains.sepolia.tokens.usdx.address", "40 hex digits"),
    ("0xA0", "A0", "chains.sepolia.tokens.usdx.address", "0x"),
    (
        USDX,
        "0x0000000000000000000000000000000000000000",
        "chains.sepolia.tokens.usdx.address",
        "zero",
    ),
    (
        "start_block = 5",
        "start_block = \"5x\"",
        "chains.sepolia.tokens.usdx.start_block",
        "whole number",
    ),
    (
        "\"halt\"",
        "\"skip\"",
        "chains.sepolia.tokens.usdx.on_unreadable",
        "write \"mark\", which is the default, or \"halt\"",
    ),
    ("\"0.05\"", "0.05", "chains.sepolia.tokens.usdx.points.rate", "write \"0.05\" in quotes"),
    ("\"0.05\"", "5", "chains.sepolia.tokens.usdx.points.rate", "write \"5\" in quotes"),
    ("\"0.05\"", "\"-0.05\"", "chains.sepolia.tokens.usdx.points.rate", "negative"),
    (
        "\"0.05\"",
        "\"0.0000000000000000001\"",
        "chains.sepolia.tokens.usdx.points.rate",
        "more than 18 decimals",
    ),
    ("\"0.05\"", "\"five\"", "chains.sepolia.tokens.usdx.points.rate", "such as 0.05"),
    ("rate = \"0.05\"", "", "chains.sepolia.tokens.usdx.points.rate", "is missing"),
    ("30m", "half an hour", "chains.sepolia.tokens.usdx.points.window", "such as \"1h\""),
    ("30m", "0s", "chains.sepolia.tokens.usdx.points.window", "1 second"),
    (
        "rate = \"0.10\"",
        "rate = 0.10",
        "chains.sepolia.tokens.usdx.points.schedule[0].rate",
        "in quotes",
    ),
    (
        "2026-01-01T00:00:00Z",
        "2026-01-01",
        "chains.sepolia.tokens.usdx.points.schedule[0].from",
        "RFC 3339",
    ),
    (
        "}]",
        "}, { from = \"2025-12-01T00:00:00Z\", rate = \"1\" }]",
        "chains.sepolia.tokens.usdx.points.schedule[1].from",
        "sort the steps",
    ),
    ("memory:", "sqlite:", "storage.url", "sqlite:pledge.db"),
    ("memory:", "sqlite://", "storage.url", "sqlite:pledge.db"),
    ("memory:", "sqlite:pledge.db?mode=ro", "storage.url", "remove `?`"),
    ("memory:", "mysql://root:hunter2@host", "storage.url", "names no database"),
    ("memory:", "mysql://root:hunter2@/db", "storage.url", "mysql://pledge@127.0.0.1:3306/pledge"),
    ("memory:", "postgres://root:hunter2@host/db", "storage.url", "no kind of storage"),
    (
        "[chains.sepolia]",
        "redis_url = \"redis:hunter2\"\n[chains.sepolia]",
        "storage.redis_url",
        "write redis://127.0.0.1:6379",
    ),
    (
        "[chains.sepolia]",
        "redis_prefix = \"mine\"\n[chains.sepolia]",
        "storage.redis_prefix",
        "needs a server",
    ),
    (
        "[chains.sepolia]",
        "redis_url = \"redis://host\"\nredis_prefix = \"{mine}\"\n[chains.sepolia]",
        "storage.redis_prefix",
        "letters, digits",
    ),
    (
        "[chains.sepolia]",
        "events_kept = 999\n[chains.sepolia]",
        "storage.events_kept",
        "999 is too few: write at least 1000",
    ),
    ("127.0.0.1:0", "localhost", "server.listen", "IP:PORT"),
    (
        "[storage]",
        "operations_listen = \"9090\"\n[storage]",
        "server.operations_listen",
        "such as 127.0.0.1:9090",
    ),
    (
        "127.0.0.1:0\"",
        "127.0.0.1:80\"\noperations_listen = \"127.0.0.1:80\"",
        "server.operations_listen",
        "is server.listen: choose another port",
    ),
    ("listen =", "language = \"fr\"\nlisten =", "server.language", "en or zh"),
    (
        "[storage]",
        "[access]\nsecret_key = \"hunter2\"\ndomain = \"a.example\"\n[storage]",
        "access.secret_key",
        "fewer than 32 bytes: write random ones, for instance of `openssl rand -hex 32`",
    ),
    (
        "[storage]",
        "[access]\nsecret_key = \"hunter2 and so on to have 32 bytes\"\n[storage]",
        "access.domain",
        "the host at which users sign in",
    ),
    (
        "[storage]",
        "[access]\nsecret_key = [\"hunter2 and so on to have 32 bytes\", \"file:no/such\"]\n\
         domain = \"a.example\"\n[storage]",
        "access.secret_key[1]",
        "make it readable, or name another one",
    ),
    ("[storage]", "[access]\nsecret_key = 7\n[storage]", "access.secret_key", "in quotes"),
    (
        "[storage]",
        "[access]\ndomain = \"https://a.example\"\n[storage]",
        "access.domain",
        "write the host alone",
    ),
    (
        "[storage]",
        "[access]\nregistration = \"yes\"\n[storage]",
        "access.registration",
        "open, invited or closed",
    ),
];

#[test]
fn a_wrong_value_is_named_by_its_key_with_a_remedy() {
    for &(from, to, key, remedy) in WRONG_VALUES {
        let (named, what) = problem(from, to);
        assert_eq!(named, key, "{to}: {what}");
        assert!(what.contains(remedy), "{to}: {what}");
        assert!(!what.contains("hunter2"), "{what}");
    }
}
