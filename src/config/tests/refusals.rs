//! Configuration errors: each message names the place, the thing, the reason and the fix.

use proptest::prelude::*;

use super::*;

#[test]
fn errors_about_who_may_connect_name_the_fix() {
    for (text, parts) in [
        (
            "[cors]\norigins = [\"https://app.example.com/\"]",
            &["`cors.origins`", "no path, and no slash at its end"][..],
        ),
        ("[cors]\norigins = [\"*\", \"https://app.example.com\"]", &["`cors.origins`", "stands alone"]),
        ("proxy_protocol = true", &["`proxy_protocol` is true, but `trusted_proxies` is not set"]),
        ("proxy_protocol = \"yes\"", &["`proxy_protocol`", "neither true nor false"]),
        ("listen = [\"unix:\"]", &["`listen`", "names no socket"]),
        ("listen = [\"unix:/a.sock\", \"unix:/./a.sock\"]", &["`listen`", "listed twice"]),
    ] {
        let message = Fixture::with_file(&format!("{text}\n{MOUNT}")).error(&Flags::default(), &[]);
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn errors_in_the_file_have_line_reason_and_fix() {
    for (text, parts) in [
        ("threads = 0", &["`threads` in wamedia.toml line 1", "from 1 to 1024"][..]),
        ("threads = -1", &["`-1`", "from 1 to 1024"]),
        (
            "threads = true",
            &[
                "`threads` in wamedia.toml line 1",
                "a boolean is not a whole number from 1 to 1024; write one",
            ],
        ),
        ("threads = 1.5", &["`1.5` is not a whole number from 1 to 1024; write one in digits"]),
        ("threads = [1]", &["is a list", "without brackets"]),
        ("threads = 99999999999999999999", &["`99999999999999999999` is not", "from 1 to 1024"]),
        ("threads = 0xffff_ffff_ffff_ffff_f", &["is not a whole number", "from 1 to 1024"]),
        ("threads = 1979-05-27", &["a date is not a whole number from 1 to 1024; write one"]),
        ("listen = 8080", &["`8080` is not an IP address with a port", "127.0.0.1:8080"]),
        ("listen = \"localhost:8080\"", &["`localhost:8080`", "[::1]:8080"]),
        ("listen = \":80\"", &["0.0.0.0:8080"]),
        ("listen = []", &["the list is empty"]),
        ("listen = [[\"127.0.0.1:1\"]]", &["a list of values other than texts"]),
        ("listen = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", &["`127.0.0.1:1` is listed twice"]),
        ("public_url = \"media.example.com\"", &["`public_url` in wamedia.toml line 1", "https://"]),
        ("plain_listen = []", &["`plain_listen` in wamedia.toml line 1", "the list is empty"]),
        (
            "listen = \"127.0.0.1:1\"\nplain_listen = [\"127.0.0.1:0\", \"127.0.0.1:1\"]",
            &["127.0.0.1:1 is in both `listen` and `plain_listen`", "another port"],
        ),
        ("plain_serves = \"asets\"", &["`asets` is neither \"assets\"", "\"challenges\""]),
        ("tls.cert = \"a.pem\"", &["`tls.cert` names 1 and `tls.key` 0 files", "--tls-key"]),
        ("tls.key = \"a.pem\"", &["`tls.cert` names 0 and `tls.key` 1 files"]),
        ("[tls]\ncert = [\"a\", \"b\"]\nkey = \"a\"", &["names 2 and `tls.key` 1 files", "same order"]),
        ("tls.cert = []", &["`tls.cert` in wamedia.toml line 1", "the list is empty"]),
        ("tls.cert = [\"\"]", &["an empty file name"]),
        ("tls.key = true", &["is a boolean"]),
        ("[tls]\ncertificate = \"a\"", &["unknown key `tls.certificate`", "did you mean `tls.cert`?"]),
        ("acme.domains = [\"*.example.com\"]", &["`acme.domains` in wamedia.toml line 1", "name each host"]),
        ("acme.domain = \"a.example\"", &["did you mean `acme.domains`?"]),
        ("acme.directory = \"http://ca.example\"", &["`acme.directory`", "\"staging\""]),
        ("acme.challenge = \"dns-01\"", &["`dns-01` is neither", "\"http-01\""]),
        ("acme.challenge = []", &["the list is empty"]),
        ("acme.state = \"/\"", &["root of the file system"]),
        (
            "listen = \"127.0.0.1:1\"\n[acme]\ndomains = \"a.example\"\nchallenge = \"http-01\"",
            &["`acme.challenge` has \"http-01\"", "plain_listen = ["],
        ),
        (
            "[acme]\ndomains = \"a.example\"\nstate = \"media/acme\"",
            &["`acme.state` is ", "/media/acme in the served folder ", "outside"],
        ),
        ("state = \"media/state\"", &["`state` is ", "/media/state in the served folder ", "outside"]),
        ("state = \"/\"", &["`state` in wamedia.toml line 1", "root of the file system"]),
        ("limits.handshake_timeout = 0", &["0 would mean no timeout"]),
        ("access_log = \"\"", &["is empty"]),
        ("access_log = \"jsno\"", &["did you mean `json`", "./jsno"]),
        ("access_log = \"OFF\"", &["did you mean `off`"]),
        ("access_log = \"media/\"", &["is a directory"]),
        ("access_log = \"logs/a.json\"", &["the directory", "/logs", "create it"]),
        ("memory.cache = \"256 Mb/s\"", &["`Mb/s` is not a unit of size", "\"256 MiB\""]),
        ("memory.streams = 1000", &["`memory.streams`", "1 kB is out of range", "at least 1 MiB"]),
        ("memory.digests = 0", &["from 1 to 16777216"]),
        ("limits.head_size = \"4 KiB\"", &["4 KiB is out of range", "from 8 KiB to 1 MiB"]),
        ("limits.head_size = \"2 MiB\"", &["from 8 KiB to 1 MiB"]),
        ("limits.min_send_rate = \"2 MiB\"", &["2 MiB is out of range", "from 0 to 1 MiB"]),
        ("limits.burst = 0", &["`0` is not a whole number from 1 to 1000000; write one in digits"]),
        (
            "limits.requests_per_second = 1e9",
            &["`limits.requests_per_second`", "`1e9` is not", "from 0 to 1000000"],
        ),
        ("limits.requests_per_second = 0.5", &["`0.5` is not a whole number", "from 0 to 1000000"]),
        ("limits.requests_per_second = inf", &["`inf` is not a whole number", "from 0 to 1000000"]),
        ("limits.requests_per_second = -1", &["`-1` is not a whole number", "from 0 to 1000000"]),
        ("limits.requests_per_second = 1000001", &["`1000001` is not a whole number", "from 0 to 1000000"]),
        ("limits.requests_per_second = \"\"", &["is empty"]),
        ("memory.cache = 1e9", &["`e9` is not a unit of size", "\"256 MiB\""]),
        ("memory.cache = 99999999999999999999", &["`99999999999999999999` is not a size", "\"256 MiB\""]),
        ("limits.head_timeout = 1.5", &["`.5` is not a unit of time", "\"500ms\""]),
        ("public_url = 1.5", &["is the number 1.5, but the setting is a text", "write it in quotes"]),
        ("limits.exempt = []", &["the list is empty"]),
        ("limits.exempt = [\"10.0.0.1/8\"]", &["`limits.exempt`", "write \"10.0.0.0/8\""]),
        ("trusted_proxies = \"the proxy\"", &["`trusted_proxies`", "neither an address nor a network"]),
        ("trusted_proxies = [\"::1\", \"::1/128\"]", &["`::1` is listed twice"]),
        ("limits.connections = 0", &["`limits.connections`", "from 1 to 1000000"]),
        ("limits.idle_timeout = 0", &["0 would mean no timeout", "from 100ms to 1h"]),
        ("limits.head_timeout = \"2h\"", &["2h is out of range", "from 100ms to 1h"]),
        ("limits.stall_timeout = 10", &["`10` has no unit", "\"10s\""]),
        ("limits.drain_timeout = \"\"", &["is empty"]),
        ("cache.default = \"public\"", &["\"public\" is not a cache policy", "neither how long"]),
        ("cache.versioned = \"max-age=1y\"", &["`cache.versioned`", "whole number of seconds"]),
    ] {
        let message = Fixture::with_file(&format!("{text}\n{MOUNT}")).error(&Flags::default(), &[]);
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn errors_in_mounts_and_rules_have_line_reason_and_fix() {
    for (text, parts) in [
        ("", &["no store is configured", "wamedia serve media", "WAMEDIA_STORE", "[[mount]]"][..]),
        (
            "[[mount]]\npath = \"/\"",
            &["[[mount]] in wamedia.toml line 1 has no `store`", "store = \"media\""],
        ),
        (
            "[[mount]]\nstore = \"gone\"",
            &["`mount.store` in wamedia.toml line 2", "/gone does not exist", "create"],
        ),
        ("[[mount]]\nstore = \"a.txt\"", &["/a.txt is not a directory", "name the folder"]),
        ("[[mount]]\nstore = \"a.txt/b\"", &["/a.txt/b cannot be read"]),
        ("[[mount]]\nstore = \"\"", &["is empty"]),
        ("[[mount]]\nstore = \"a\\u0000\"", &["NUL"]),
        (
            "[[mount]]\nstore = \"gcs://bucket\"",
            &["`gcs://bucket` is not a known kind of store", "did you mean gs://?"],
        ),
        ("[[mount]]\nstore = \"s3://\"", &["`s3://` names no bucket", "s3://bucket/prefix"]),
        (
            "[[mount]]\nstore = \"media\"\nendpoint = \"x\"",
            &["`mount.endpoint` in wamedia.toml line 3", "for buckets"],
        ),
        (
            "[[mount]]\nstore = \"media\"\nlast_modified = \"ctime\"",
            &["`mount.last_modified` in wamedia.toml line 3", "is neither \"content\""],
        ),
        (
            "[[mount]]\nstore = \"gs://b\"\nlast_modified = \"mtime\"",
            &["`mount.last_modified`", "for folders", "remove it"],
        ),
        ("[[mount]]\nstore = \"gs://b\"\nregion = \"x\"", &["`mount.region`", "s3:// buckets only"]),
        (
            "[[mount]]\nstore = \"gs://b\"\naddressing = \"path\"",
            &["`mount.addressing`", "s3:// buckets only"],
        ),
        ("[[mount]]\nstore = \"gs://b\"\ncredentials = \"profile:x\"", &["names a profile", "anonymous"]),
        (
            "[[mount]]\nstore = \"s3://b\"\naddressing = \"host\"",
            &["`host` is not a kind of addressing", "\"virtual-host\""],
        ),
        (
            "[[mount]]\nstore = \"s3://b\"\ncredentials = \"profile:\"",
            &["`mount.credentials`", "profile:NAME"],
        ),
        (
            "[[mount]]\nstore = \"s3://b\"\nendpoint = \"s3.example.com\"",
            &["`s3.example.com` is not the URL"],
        ),
        ("[[mount]]\nstore = \"s3://b\"\nstale_if_error = \"8d\"", &["`d` is not a unit of time"]),
        ("[[mount]]\nstore = \"s3://b\"\nstale_if_error = \"169h\"", &["169h is out of range", "to 168h"]),
        (
            "[[mount]]\nstore = \"media\"\nfresh = \"2h\"",
            &["`mount.fresh` in wamedia.toml line 3", "from 0 to 1h"],
        ),
        ("[[mount]]\nstore = \"media\"\npath = \"/../x\"", &["`mount.path`", "`..`", "\"/media\""]),
        (
            "[[mount]]\nstore = \"media\"\n[[mount]]\nstore = \".\"\npath = \"/\"",
            &[
                "`mount.path` in wamedia.toml line 3: the path `/` already has a mount, in wamedia.toml line 1",
            ],
        ),
        (
            "public_url = \"https://x.example/media\"\n[[mount]]\nstore = \"media\"",
            &["https://x.example/media", "the mount `/`", "path = \"/media\"", "leave the path out"],
        ),
        ("[[cache.rule]]\nmatch = \"a\"", &["[[cache.rule]] in wamedia.toml line 1 has no `cache_control`"]),
        ("[[cache.rule]]\ncache_control = \"private\"", &["has no `match`", "match = \"campaign/**\""]),
        (
            "[[cache.rule]]\nmatch = \"a\"\ncache_control = \"no-store, max-age=60\"",
            &["`cache.rule.cache_control` in wamedia.toml line 3", "`no-store` and `max-age` contradict"],
        ),
        (
            "[[cache.rule]]\nmatch = \"/a\"\ncache_control = \"private\"",
            &["`cache.rule.match` in wamedia.toml line 2", "write \"a\""],
        ),
        (
            "[[cache.rule]]\nmatch = \"*.pdf\"\ncache_control = \"private\"\n\n\
             [[cache.rule]]\nmatch = \"docs/*.pdf\"\ncache_control = \"no-store\"",
            &[
                "line 5: `docs/*.pdf` can never match",
                "`*.pdf` in wamedia.toml line 1",
                "narrower rule first",
            ],
        ),
        (
            "[[cache.rule]]\nmatch = \"a/*\"\ncache_control = \"private\"\n\
             [[cache.rule]]\nmatch = \"b/*\"\ncache_control = \"private\"\n\
             [[cache.rule]]\nmatch = \"{a,b}/*\"\ncache_control = \"private\"",
            &["`{a,b}/*` can never match", "the rules before it together"],
        ),
        (
            "[[cache.rule]]\nmatch = \".git/*\"\ncache_control = \"private\"",
            &["no asset can have such a path"],
        ),
    ] {
        let message = Fixture::with_file(text).error(&Flags::default(), &[]);
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn errors_outside_the_file_name_the_flag_or_variable() {
    let flags = Flags::default;
    for (flags, variables, parts) in [
        (flags(), &[("WAMEDIA_THREADS", "many")][..], &["the variable WAMEDIA_THREADS: `many`"][..]),
        (
            flags(),
            &[("WAMEDIA_LISTEN", "127.0.0.1:1,")],
            &["the variable WAMEDIA_LISTEN: `` is not an IP address"],
        ),
        (flags(), &[("WAMEDIA_LISTEN", "")], &["the variable WAMEDIA_LISTEN: is empty"]),
        (flags(), &[("WAMEDIA_CONFIG", "")], &["the variable WAMEDIA_CONFIG: is empty"]),
        (flags(), &[("WAMEDIA_CACHE_CONTROL", "private")], &["WAMEDIA_CACHE_DEFAULT"]),
        (
            flags(),
            &[("WAMEDIA_STORE", "s4://b")],
            &["the variable WAMEDIA_STORE: `s4://b`", "s3://bucket, gs://bucket"],
        ),
        (
            Flags { store: Some("gone".into()), ..flags() },
            &[],
            &["STORE on the command line: ", "/gone does not exist"],
        ),
        (Flags { listen: vec!["80".into()], ..store() }, &[], &["--listen on the command line: `80`"]),
        (
            Flags { cache_control: Some("never".into()), ..store() },
            &[],
            &["--cache-control on the command line"],
        ),
        (Flags { public_url: Some("x".into()), ..store() }, &[], &["--public-url on the command line"]),
        (Flags { access_log: Some("txt".into()), ..store() }, &[], &["--access-log on", "`text`"]),
        (
            Flags { config: Some("no.toml".into()), ..store() },
            &[],
            &["no.toml, named by --config, cannot be read", "create"],
        ),
        (Flags { config: Some("media".into()), ..store() }, &[], &["media, named by --config,", "directory"]),
        (store(), &[("WAMEDIA_CONFIG", "no.toml")], &["no.toml, named by WAMEDIA_CONFIG, cannot be read"]),
    ] {
        let message = Fixture::new().error(&flags, variables);
        for part in parts {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn file_that_is_not_utf_8_is_rejected_with_the_fix() {
    let fixture = Fixture::new();
    fs::write(fixture.path("wamedia.toml"), b"listen = \"\xff\"").unwrap();
    let message = fixture.error(&store(), &[]);
    assert!(
        message.contains("wamedia.toml cannot be read") && message.contains("save it as UTF-8"),
        "{message}"
    );
}

#[test]
fn invalid_value_is_reported_even_if_another_layer_overrides_it() {
    let fixture = Fixture::with_file(&format!("threads = 0\n{MOUNT}"));
    assert!(fixture.error(&Flags::default(), &[("WAMEDIA_THREADS", "1")]).contains("wamedia.toml line 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_value_of_any_key_panics(value in "\\PC{0,12}", at in 0..KEYS.len()) {
        let mut settings = Settings::defaults();
        let given = Value::One(value);
        let _ = (KEYS[at].set)(&mut settings, &given, Path::new("/"));
    }
}
