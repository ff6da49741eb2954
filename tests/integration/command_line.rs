//! Command line: output, exit codes, and the precedence of file, environment and flags.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use socket2::{Domain, Socket, Type};

use crate::support::{Folder, Outcome, Server, outcome, outcome_to, run, version_of, wamedia};

/// A command in `folder` with these variables in its environment.
fn command(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let mut command = wamedia();
    command.current_dir(folder).envs(variables.iter().copied()).args(arguments);
    command
}

/// Asserts that a command failed with this code, with one line on stderr that has all these parts.
#[track_caller]
fn assert_refused(outcome: &Outcome, code: i32, parts: &[&str]) {
    assert_eq!((outcome.code, &*outcome.stdout), (Some(code), ""), "{outcome:?}");
    let message = outcome.stderr.strip_prefix("wamedia: ").and_then(|rest| rest.strip_suffix('\n'));
    let message = message.unwrap_or_else(|| panic!("not one message: {outcome:?}"));
    assert!(!message.contains('\n'), "more than one line: {message}");
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let folder = Folder::new();
    for (arguments, parts) in [
        (
            &["--help"][..],
            &["Examples:", "wamedia serve media ", "serve", "link", "--config", "WAMEDIA_"][..],
        ),
        (&["-h"], &["Examples:", "serve", "link", "--config"]),
        (
            &["serve", "--help"],
            &[
                "Examples:",
                "wamedia serve media-sample wamedia",
                "[STORE]",
                "--config <FILE>",
                "--listen <ADDR:PORT>",
                "[default: 127.0.0.1:8080]",
                "--public-url <URL>",
                "--cache-control <VALUE>",
                "[default: no-cache]",
                "--access-log <WHERE>",
                "[default: text]",
                "--print-config",
                "Exit codes: 0",
            ],
        ),
        (&["help", "serve"], &["Examples:", "--print-config"]),
        (
            &["link", "--help"],
            &[
                "Examples:",
                "wamedia link campaign/banner.jpg wamedia",
                "<PATH>",
                "--config <FILE>",
                "--no-version",
                "1 there is no such asset",
            ],
        ),
    ] {
        let outcome = run(folder.path(), arguments);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{arguments:?}");
        // Line breaks depend on the terminal.
        let text = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: no {part:?} in {}", outcome.stdout);
        }
    }
    for flag in ["--version", "-V"] {
        let outcome = run(folder.path(), &[flag]);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
        assert_eq!(outcome.stdout, format!("wamedia {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn wrong_usage_is_reported_on_stderr() {
    let folder = Folder::new();
    for (arguments, part) in [
        (&[][..], "Usage: wamedia"),
        (&["sevre"], "'serve'"),
        (&["serve", "--lisen", "127.0.0.1:0"], "'--listen'"),
        (&["serve", ".", "another"], "'another'"),
        (&["serve", ".", "--listen"], "--listen <ADDR:PORT>"),
        (&["--config"], "--config <FILE>"),
        (&["link"], "<PATH>"),
        (&["link", ""], "<PATH>"),
        (&["link", "a.jpg", "--noversion"], "'--no-version'"),
    ] {
        let outcome = run(folder.path(), arguments);
        assert_eq!((outcome.code, &*outcome.stdout), (Some(2), ""), "{arguments:?}");
        assert!(outcome.stderr.contains(part), "{arguments:?}: no {part:?} in {}", outcome.stderr);
    }
}

/// A configuration file, variables, arguments after `serve`, and parts of the message.
type Refusal<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a [&'a str]);

/// Asserts that each of these exits with 2 before a port is bound: the configured port is in use, so binding it would exit with 3.
#[track_caller]
fn assert_serve_refuses(rows: &[Refusal<'_>]) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    for (toml, variables, arguments, parts) in rows {
        let folder = Folder::new();
        folder.write("photo.jpg", "a photo").write("media/photo.jpg", "a photo").write("wamedia.toml", toml);
        let mut command = command(folder.path(), variables, &["serve"]);
        let command = command.args(*arguments).args(["--listen", &address]);
        assert_refused(&outcome(command), 2, parts);
    }
}

#[test]
fn store_that_is_neither_a_folder_nor_a_bucket_is_an_error() {
    assert_serve_refuses(&[
        (
            "",
            &[],
            &["nowhere"],
            &["STORE on the command line", "/nowhere does not exist", "create the folder"],
        ),
        ("", &[], &["photo.jpg"], &["/photo.jpg is not a directory", "name the folder"]),
        ("", &[], &["photo.jpg/x"], &["/photo.jpg/x ", "STORE"]),
        ("", &[], &[""], &["STORE on the command line", "is empty"]),
        ("", &[("WAMEDIA_STORE", "nowhere")], &[], &["the variable WAMEDIA_STORE", "does not exist"]),
        (
            "\n[[mount]]\nstore = \"nowhere\"\n",
            &[],
            &[],
            &["`mount.store` in wamedia.toml line 3", "/nowhere does not exist"],
        ),
        (
            "",
            &[],
            &["s3n://media/shop"],
            &["STORE", "`s3n://media/shop` is not a known kind of store", "did you mean s3://?"],
        ),
        ("[[mount]]\nstore = \"gs://\"\n", &[], &[], &["wamedia.toml line 2", "`gs://` names no bucket"]),
        (
            "[[mount]]\npath = \"/a\"\n",
            &[],
            &[],
            &["[[mount]] in wamedia.toml line 1 has no `store`", "store = \"media\""],
        ),
        (
            "[[mount]]\nstore = \"media\"\n[[mount]]\nstore = \".\"\npath = \"/\"\n",
            &[],
            &[],
            &["wamedia.toml line 3", "`/` already has a mount, in wamedia.toml line 1"],
        ),
        ("", &[], &[], &["no store is configured", "wamedia serve media", "WAMEDIA_STORE", "[[mount]]"]),
    ]);
}

#[test]
fn unknown_key_is_an_error_with_the_nearest_known_one() {
    assert_serve_refuses(&[
        (
            "threads = 1\n[memory]\ncahce = 1\n",
            &[],
            &["media"],
            &["unknown key `memory.cahce` in wamedia.toml line 3", "did you mean `memory.cache`?"],
        ),
        ("[cahce]\n", &[], &["media"], &["unknown key `cahce` in wamedia.toml line 1", "`cache`"]),
        ("[limits]\nlisten = \"a\"\n", &[], &["media"], &["`limits.listen`", "belongs at the top"]),
        ("[memory]\nxyzzy = 1\n", &[], &["media"], &["the known keys are memory.cache"]),
        (
            "",
            &[("WAMEDIA_LISTN", "127.0.0.1:0")],
            &["media"],
            &["unknown variable WAMEDIA_LISTN in the environment", "did you mean WAMEDIA_LISTEN?"],
        ),
    ]);
}

#[test]
fn invalid_value_is_an_error_with_its_place() {
    assert_serve_refuses(&[
        (
            "",
            &[],
            &["media", "--cache-control", "max-age=soon"],
            &["--cache-control on the command line", "`max-age=soon`", "write max-age=60"],
        ),
        (
            "[cache]\ndefault = \"max-age=soon\"\n",
            &[],
            &["media"],
            &["`cache.default` in wamedia.toml line 2", "`max-age=soon`", "write max-age=60"],
        ),
        (
            "",
            &[("WAMEDIA_CACHE_DEFAULT", "max-age=soon")],
            &["media"],
            &["the variable WAMEDIA_CACHE_DEFAULT", "`max-age=soon`", "write max-age=60"],
        ),
        (
            "",
            &[],
            &["media", "--cache-control", "no-store, max-age=60"],
            &["`no-store` and `max-age` contradict each other", "leave one of them out"],
        ),
        (
            "[[cache.rule]]\nmatch = \"*.pdf\"\ncache_control = \"no-store, max-age=60\"\n",
            &[],
            &["media"],
            &["`cache.rule.cache_control` in wamedia.toml line 3", "contradict each other"],
        ),
        (
            "[[cache.rule]]\nmatch = \"a/**\"\ncache_control = \"private\"\n\
             [[cache.rule]]\nmatch = \"a/*.pdf\"\ncache_control = \"no-cache\"\n",
            &[],
            &["media"],
            &["wamedia.toml line 4", "`a/*.pdf` can never match", "the rule `a/**` in wamedia.toml line 1"],
        ),
        (
            "",
            &[],
            &["media", "--public-url", "https://example.com/media"],
            &["https://example.com/media", "the mount `/` is not below it", "path = \"/media\""],
        ),
        ("", &[], &["media", "--public-url", "example.com"], &["--public-url", "neither an http:// nor"]),
        ("", &[], &["media", "--listen", "8080"], &["--listen", "`8080` is not an IP address with a port"]),
        ("", &[], &["media", "--listen", "localhost:8080"], &["`localhost:8080`", "\"127.0.0.1:8080\""]),
        (
            "",
            &[],
            &["media", "--listen", "127.0.0.1:9", "--listen", "127.0.0.1:9"],
            &["--listen", "`127.0.0.1:9` is listed twice", "keep one"],
        ),
        (
            "[limits]\nhead_timeout = 0\n",
            &[],
            &["media"],
            &["`limits.head_timeout` in wamedia.toml line 2", "no timeout", "from 100ms to 1h"],
        ),
        (
            "",
            &[("WAMEDIA_THREADS", "none")],
            &["media"],
            &["the variable WAMEDIA_THREADS", "`none` is not a whole number from 1 to 1024"],
        ),
    ]);
}

#[test]
fn unreadable_configuration_file_is_an_error() {
    assert_serve_refuses(&[
        (
            "",
            &[],
            &["media", "--config", "other.toml"],
            &["the configuration file other.toml, named by --config,", "create it, or name another"],
        ),
        ("", &[("WAMEDIA_CONFIG", "other.toml")], &["media"], &["other.toml, named by WAMEDIA_CONFIG,"]),
        ("", &[], &["media", "--config", "media"], &["the configuration file media", "name a file in it"]),
        (
            "threads = 1\n[cache\n",
            &[],
            &["media"],
            &["wamedia.toml line 2, column 7 is not TOML", "correct the line"],
        ),
        ("threads = 1\nthreads = 2\n", &[], &["media"], &["wamedia.toml line 2", "is not TOML"]),
    ]);
}

/// Runs `serve` on this address; the number of threads decides how the port is bound.
fn serve_on(address: SocketAddr, threads: &str) -> Outcome {
    let folder = Folder::new();
    let arguments = ["serve", ".", "--listen", &address.to_string()];
    outcome(&mut command(folder.path(), &[("WAMEDIA_THREADS", threads)], &arguments))
}

#[test]
fn port_in_use_by_another_program_is_an_error() {
    let alone = TcpListener::bind("127.0.0.1:0").expect("a port");
    // Of the same user and with SO_REUSEPORT, like the sockets of the serving cores.
    let shared = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    shared.set_reuse_port(true).expect("an option");
    shared.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    shared.listen(1).expect("it listens");
    let shared_address = shared.local_addr().expect("an address").as_socket().expect("an address");
    for address in [alone.local_addr().expect("an address"), shared_address] {
        for threads in ["1", "2"] {
            let parts = [&*format!("{address} is in use by another program"), "--listen"];
            assert_refused(&serve_on(address, threads), 3, &parts);
        }
    }
}

#[test]
fn port_in_use_by_another_wamedia_is_an_error() {
    let folder = Folder::new();
    for first in ["1", "2"] {
        let mut command = command(folder.path(), &[("WAMEDIA_THREADS", first)], &["serve", "."]);
        let server = Server::spawn(command.args(["--listen", "127.0.0.1:0"]));
        for second in ["1", "2"] {
            let parts = [&*format!("{} is in use by another program", server.address), "--listen"];
            assert_refused(&serve_on(server.address, second), 3, &parts);
        }
        assert_eq!(server.get("/none.jpg").status, 404, "the first one has not noticed");
    }
}

#[test]
fn address_of_another_machine_is_an_error() {
    // RFC 5737: reserved for documentation, so no machine has it.
    let outcome = serve_on("192.0.2.1:8080".parse().expect("an address"), "2");
    assert_refused(&outcome, 3, &["192.0.2.1:8080 is not an address of this machine", "0.0.0.0"]);
}

/// The output of `serve --print-config`, with paths relative to `folder`.
#[track_caller]
fn printed(folder: &Folder, command: &mut Command) -> String {
    let outcome = outcome(command.arg("--print-config"));
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    outcome.stdout.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let folder = Folder::new();
    for store in ["by-file", "by-variable", "by-flag"] {
        fs::create_dir(folder.at(store)).expect("a folder");
    }
    let toml = "listen = \"127.0.0.1:1\"\npublic_url = \"https://file.example\"\naccess_log = \"json\"\n\
                threads = 3\n[cache]\ndefault = \"private\"\n[[mount]]\nstore = \"by-file\"\n";
    let variables = [
        ("WAMEDIA_LISTEN", "127.0.0.1:2,127.0.0.1:3"),
        ("WAMEDIA_PUBLIC_URL", "https://variable.example"),
        ("WAMEDIA_ACCESS_LOG", "off"),
        ("WAMEDIA_THREADS", "2"),
        ("WAMEDIA_CACHE_DEFAULT", "no-store"),
        ("WAMEDIA_STORE", "by-variable"),
    ];
    #[rustfmt::skip]
    let flags = [
        "by-flag", "--listen", "127.0.0.1:4", "--listen", "[::1]:5", "--public-url", "https://flag.example",
        "--access-log", "log.json", "--cache-control", "max-age=60",
    ];
    let by_default = [
        "listen = [\"127.0.0.1:8080\"]",
        "# public_url is not set",
        "access_log = \"text\"",
        "default = \"no-cache\"",
        "store = \"by-flag\"",
    ];
    let by_file = [
        "listen = [\"127.0.0.1:1\"]",
        "public_url = \"https://file.example\"",
        "access_log = \"json\"",
        "threads = 3",
        "default = \"private\"",
        "store = \"by-file\"",
    ];
    let by_variable = [
        "listen = [\"127.0.0.1:2\", \"127.0.0.1:3\"]",
        "public_url = \"https://variable.example\"",
        "access_log = \"off\"",
        "threads = 2",
        "default = \"no-store\"",
        "store = \"by-variable\"",
    ];
    let by_flag = [
        "listen = [\"127.0.0.1:4\", \"[::1]:5\"]",
        "public_url = \"https://flag.example\"",
        "access_log = \"log.json\"",
        "default = \"max-age=60\"",
        "store = \"by-flag\"",
    ];
    for (toml, variables, flags, expected) in [
        ("", &[][..], &flags[..1], &by_default[..]),
        (toml, &[], &[], &by_file),
        ("", &variables, &[], &by_variable),
        (toml, &variables, &[], &by_variable),
        ("", &[], &flags, &by_flag),
        (toml, &[], &flags, &by_flag),
        (toml, &variables, &flags, &by_flag),
        // Each setting by itself, not all together.
        (
            toml,
            &variables[..1],
            &flags[5..7],
            &[by_variable[0], by_flag[1], by_file[2], by_file[3], by_file[4]],
        ),
    ] {
        folder.write("wamedia.toml", toml);
        let printed = printed(&folder, command(folder.path(), variables, &["serve"]).args(flags));
        for line in expected {
            assert!(
                printed.lines().any(|l| l == *line),
                "no {line:?} for {variables:?} {flags:?}: {printed}"
            );
        }
    }
}

#[test]
fn configuration_file_is_named_before_or_after_the_command_or_found() {
    let folder = Folder::new();
    let toml =
        |name| format!("public_url = \"https://{name}.example\"\n[[mount]]\nstore = \"{name}-media\"\n");
    for (site, name) in [("site", "flag"), ("site", "variable"), ("here", "wamedia")] {
        folder.write(&format!("{site}/{name}-media/a.jpg"), "a");
        folder.write(&format!("{site}/{name}.toml"), toml(name));
    }
    let here = folder.at("here");
    let (flag, variable) = (folder.at("site/flag.toml"), [("WAMEDIA_CONFIG", "../site/variable.toml")]);
    let flag = flag.to_str().expect("UTF-8");
    for (variables, arguments, name, store) in [
        (&[][..], &["serve"][..], "wamedia", "here/wamedia-media"),
        // Its relative paths begin at its folder.
        (&variable, &["serve"], "variable", "here/../site/variable-media"),
        (&variable, &["--config", flag, "serve"], "flag", "site/flag-media"),
        (&[], &["serve", "--config", flag], "flag", "site/flag-media"),
        (&[], &["serve", &format!("--config={flag}")], "flag", "site/flag-media"),
    ] {
        let printed = printed(&folder, &mut command(&here, variables, arguments));
        for line in [format!("public_url = \"https://{name}.example\""), format!("store = \"{store}\"")] {
            assert!(printed.lines().any(|l| l == line), "no {line:?} for {arguments:?}: {printed}");
        }
    }
}

#[test]
fn print_config_prints_a_file_that_gives_the_same_settings() {
    let folder = Folder::new();
    fs::create_dir_all(folder.at("me\"dia \\ M\u{e4}rz")).expect("a folder");
    fs::create_dir(folder.at("goods")).expect("a folder");
    let toml = "listen = [\"127.0.0.1:1\", \"[::1]:2\"]\npublic_url = \"https://media.example.com\"\n\
        threads = 3\naccess_log = \"logs.json\"\n\
        [memory]\ncache = \"3 MB\"\nstreams = 2000000\ndigests = 17\n\
        [limits]\nconnections = 5\nhead_timeout = \"1500ms\"\nidle_timeout = \"2m\"\nstall_timeout = \"1h\"\n\
        drain_timeout = \"5s\"\nhead_size = \"9 KiB\"\n\
        [cache]\ndefault = \"max-age=90\"\nversioned = \"max-age=3600\"\n\
        [[cache.rule]]\nmatch = \"M\u{e4}rz/\\\"*\"\ncache_control = \"no-store\"\n\
        [[cache.rule]]\nmatch = \"*.{pdf,docx}\"\ncache_control = \"private\"\n\
        [[mount]]\nstore = \"me\\\"dia \\\\ M\u{e4}rz\"\nfresh = 0\n[[mount]]\npath = \"/a b\"\nstore = \"goods\"\n";
    folder.write("site.toml", toml);
    let print = |folder: &Path, config: &Path| {
        let arguments = ["serve", "--print-config", "--config", config.to_str().expect("UTF-8")];
        let outcome = run(folder, &arguments);
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
        outcome.stdout
    };
    let first = print(folder.path(), &folder.at("site.toml"));
    for part in ["digests = 17\n", "head_timeout = \"1500ms\"\n", "path = \"/a b\"\n", "fresh = \"0\"\n"] {
        assert!(first.contains(part), "no {part:?} in {first}");
    }
    // In any folder, because its paths are absolute.
    let elsewhere = Folder::new();
    elsewhere.write("printed.toml", &first);
    let second = print(elsewhere.path(), &elsewhere.at("printed.toml"));
    let settings = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("# Configuration file: ")).map(str::to_owned).collect()
    };
    assert_eq!(settings(&first), settings(&second));
}

#[test]
fn print_config_describes_what_whatsapp_will_do() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("media-sample");
    let outcome = run(&sample, &["serve", "--print-config"]);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    let no_store =
        "# WhatsApp does not keep it: every message fetches it again.\ncache_control = \"no-store\"\n";
    let private = "# WhatsApp treats it as personal to its recipient and does not keep it.\ncache_control = \"private\"\n";
    for lines in [
        no_store,
        private,
        "# WhatsApp keeps it for 7 days and reuses it without asking the server.\ncache_control = \"max-age=604800\"\n",
        "# WhatsApp keeps it and fetches a new copy when Last-Modified has changed.\ncache_control = \"no-cache\"\n",
        "# WhatsApp keeps it and fetches a new copy when Last-Modified has changed.\ndefault = \"no-cache\"\n",
        "# WhatsApp keeps it for 1 year and reuses it without asking the server.\nversioned = \"max-age=31536000, ",
    ] {
        assert!(outcome.stdout.contains(lines), "no {lines:?} in {}", outcome.stdout);
    }
}

/// A pipe whose reader is closed.
fn broken_pipe() -> io::PipeWriter {
    io::pipe().expect("a pipe").1
}

#[test]
fn broken_pipe_is_no_error() {
    let folder = Folder::new();
    folder.write("a.jpg", "a").write("wamedia.toml", "public_url = \"https://media.example.com\"\n");
    let store = [("WAMEDIA_STORE", ".")];
    for arguments in [&["serve", "--print-config"][..], &["link", "a.jpg"], &["--help"], &["--version"]] {
        let outcome = outcome_to(broken_pipe(), &mut command(folder.path(), &store, arguments));
        assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn full_disk_at_stdout_is_an_error() {
    let folder = Folder::new();
    folder.write("a.jpg", "a").write("wamedia.toml", "public_url = \"https://media.example.com\"\n");
    let store = [("WAMEDIA_STORE", ".")];
    for arguments in [&["serve", "--print-config"][..], &["link", "a.jpg"]] {
        let full = File::options().write(true).open("/dev/full").expect("a device");
        let outcome = outcome_to(full, &mut command(folder.path(), &store, arguments));
        assert_refused(&outcome, 3, &["cannot write to stdout"]);
    }
}

const URL: &str = "https://media.example.com";

/// Two mounts, one below the other, with files in and beside them.
fn site() -> Folder {
    let folder = Folder::new();
    let toml = format!(
        "public_url = \"{URL}\"\n[[mount]]\nstore = \"media\"\n[[mount]]\npath = \"/shop\"\nstore = \"goods\"\n"
    );
    folder.write("wamedia.toml", toml);
    for name in [
        "media/campaign/banner.jpg",
        "media/campaign/two words.jpg",
        "media/Preisliste M\u{e4}rz.pdf",
        "media/100%25.pdf",
        "media/twice.jpg",
        "media/.hidden.jpg",
        "media/shop/covered.jpg",
        "goods/shirt.png",
        "twice.jpg",
        "outside.jpg",
    ] {
        folder.write(name, name);
    }
    folder
}

/// The one link on stdout.
#[track_caller]
fn link_of(outcome: &Outcome) -> &str {
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""), "{outcome:?}");
    let link = outcome.stdout.strip_suffix('\n').expect("a line");
    assert!(!link.contains(char::is_whitespace), "{link}");
    link
}

#[test]
fn link_accepts_the_path_on_disk_or_the_path_in_the_url() {
    let site = site();
    let absolute = |name: &str| site.at(name).to_str().expect("UTF-8").to_owned();
    for (cwd, path, url_path, file) in [
        (".", "media/campaign/banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        (".", "./media/campaign/banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        (".", &absolute("media/campaign/banner.jpg"), "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        (".", "campaign/banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        (".", "/campaign/banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        ("media/campaign", "banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        ("goods", "../media/campaign/banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        ("goods", "campaign/banner.jpg", "/campaign/banner.jpg", "media/campaign/banner.jpg"),
        // A path is a name, and a URL is a URL.
        (
            ".",
            "https://media.example.com/campaign/two%20words.jpg?v=0123456789abcdef",
            "/campaign/two%20words.jpg",
            "media/campaign/two words.jpg",
        ),
        (".", "campaign/two words.jpg", "/campaign/two%20words.jpg", "media/campaign/two words.jpg"),
        ("media/campaign", "two words.jpg", "/campaign/two%20words.jpg", "media/campaign/two words.jpg"),
        (".", "Preisliste M\u{e4}rz.pdf", "/Preisliste%20M%C3%A4rz.pdf", "media/Preisliste M\u{e4}rz.pdf"),
        (
            "media",
            "Preisliste M\u{e4}rz.pdf",
            "/Preisliste%20M%C3%A4rz.pdf",
            "media/Preisliste M\u{e4}rz.pdf",
        ),
        ("media", "100%25.pdf", "/100%2525.pdf", "media/100%25.pdf"),
        (".", "100%25.pdf", "/100%2525.pdf", "media/100%25.pdf"),
        // The deeper mount.
        (".", "goods/shirt.png", "/shop/shirt.png", "goods/shirt.png"),
        ("goods", "shirt.png", "/shop/shirt.png", "goods/shirt.png"),
        (".", "shop/shirt.png", "/shop/shirt.png", "goods/shirt.png"),
    ] {
        let config = absolute("wamedia.toml");
        let link = run(&site.at(cwd), &["link", path, "--config", &config]);
        let expected = format!("{URL}{url_path}?v={}", version_of(file.as_bytes()));
        assert_eq!(link_of(&link), expected, "{path} in {cwd}");
        let plain = run(&site.at(cwd), &["--config", &config, "link", "--no-version", path]);
        assert_eq!(link_of(&plain), format!("{URL}{url_path}"));
    }
}

#[test]
fn link_to_a_file_that_is_not_served_is_an_error() {
    let site = site();
    for (path, parts) in [
        ("campaign/none.jpg", &["there is no asset campaign/none.jpg in", "/media"][..]),
        ("campaign", &["there is no asset campaign in"]),
        ("media/campaign", &["there is no asset campaign in"]),
        ("media/.hidden.jpg", &["media/.hidden.jpg", "hidden files are not served"]),
        (".hidden.jpg", &["hidden files are not served"]),
        ("media/shop/covered.jpg", &["there is no asset media/shop/covered.jpg in"]),
        ("shop/covered.jpg", &["there is no asset shop/covered.jpg in"]),
        ("outside.jpg", &["there is no asset outside.jpg in"]),
        ("../outside.jpg", &["../outside.jpg is not the path of an asset"]),
        ("..%2Foutside.jpg", &["is not the path of an asset"]),
        ("wamedia.toml", &["there is no asset wamedia.toml in"]),
        ("/", &["is not the path of an asset", "folders are not listed"]),
        ("100%.pdf", &["there is no asset 100%.pdf in"]),
        (
            "campaign/two%20words.jpg",
            &["there is no asset campaign/two%20words.jpg", "write campaign/two words.jpg"],
        ),
        (
            "campaign/banner.jpg?v=0",
            &["there is no asset campaign/banner.jpg?v=0", "write campaign/banner.jpg,"],
        ),
        (
            "Preisliste Ma\u{308}rz.pdf",
            &[
                "there is no asset",
                "another Unicode form, /Preisliste%20M%C3%A4rz.pdf (NFC)",
                "Ma%CC%88rz.pdf (NFD)",
            ],
        ),
        ("https://other.example/campaign/banner.jpg", &["not one of this server", URL]),
        ("s3://media/campaign/banner.jpg", &["not one of this server", URL]),
    ] {
        assert_refused(&run(site.path(), &["link", path]), 1, parts);
    }
    // The configuration file may be in a store, but is no asset.
    let store = site.path().to_str().expect("UTF-8");
    let in_store = outcome(&mut command(site.path(), &[("WAMEDIA_STORE", store)], &["link", "wamedia.toml"]));
    assert_refused(&in_store, 1, &["there is no asset wamedia.toml in"]);
    let nothing = Folder::new();
    assert_refused(&run(nothing.path(), &["link", "a.jpg"]), 2, &["no store is configured"]);
}

#[test]
fn an_argument_with_two_readings_is_taken_as_a_name_and_stderr_says_so() {
    let site = site();
    for name in [
        "media/price%20list.pdf",
        "media/price list.pdf",
        "media/media/twice.jpg",
        "https:/media.example.com/twice.jpg",
    ] {
        site.write(name, name);
    }
    site.write("media/50% off.pdf", "media/50% off.pdf");
    for (path, url_path, notes) in [
        ("price%20list.pdf", "/price%2520list.pdf", &["taken as a name", "also an asset price list.pdf"][..]),
        ("price list.pdf", "/price%20list.pdf", &[]),
        ("50% off.pdf", "/50%25%20off.pdf", &[]),
        ("twice.jpg", "/twice.jpg", &["taken as the path of an asset", "is in no mount"]),
        ("media/twice.jpg", "/twice.jpg", &["taken as the file on disk", "write /media/twice.jpg"]),
        ("/media/twice.jpg", "/media/twice.jpg", &[]),
        ("https://media.example.com/twice.jpg", "/twice.jpg", &["taken as a URL", "write ./https://"]),
    ] {
        let link = run(site.path(), &["link", "--no-version", path]);
        assert_eq!((link.code, link.stdout.trim_end()), (Some(0), &*format!("{URL}{url_path}")), "{path}");
        assert_eq!(link.stderr.is_empty(), notes.is_empty(), "{path}: {}", link.stderr);
        assert!(notes.iter().all(|note| link.stderr.contains(note)), "{path}: {}", link.stderr);
    }
    let simulated = run(site.path(), &["simulate", "price%20list.pdf"]);
    assert_eq!(simulated.code, Some(0), "{simulated:?}");
    assert!(simulated.stderr.contains("also an asset price list.pdf"), "{simulated:?}");
    let checked = run(site.path(), &["check", "media/price%20list.pdf"]);
    assert!(checked.stderr.contains("there is also media/price list.pdf"), "{checked:?}");
    let checked = run(site.path(), &["check", "price%20lis.pdf", "campaign/two%20words.jpg"]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.stderr.contains("write campaign/two words.jpg"), "{checked:?}");
}

#[test]
fn variables_of_kubernetes_services_named_like_us_do_not_stop_the_start() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let service = [
        ("WAMEDIA_STORE", "."),
        ("WAMEDIA_METRICS_SERVICE_HOST", "10.96.0.7"),
        ("WAMEDIA_METRICS_SERVICE_PORT", "9900"),
        ("WAMEDIA_METRICS_SERVICE_PORT_HTTP", "9900"),
        ("WAMEDIA_ADMIN_PORT", "tcp://10.96.0.8:9900"),
        ("WAMEDIA_ADMIN_PORT_9900_TCP", "tcp://10.96.0.8:9900"),
        ("WAMEDIA_ADMIN_PORT_9900_TCP_ADDR", "10.96.0.8"),
        ("WAMEDIA_DB_NAME", "/shop/wamedia-db"),
        ("WAMEDIA_DB_ENV_PASSWORD", "secret"),
    ];
    let arguments = ["serve", "--print-config"];
    let started = outcome(&mut command(folder.path(), &service, &arguments));
    assert_eq!((started.code, &*started.stderr), (Some(0), ""), "{started:?}");
    let misspelt = [&service[..], &[("WAMEDIA_ADMIN_PORT_LISTEN", "10.96.0.8:9900")]].concat();
    let refused = outcome(&mut command(folder.path(), &misspelt, &arguments));
    assert_refused(&refused, 2, &["unknown variable WAMEDIA_ADMIN_PORT_LISTEN", "did you mean WAMEDIA_"]);
}

#[test]
fn a_404_for_a_name_that_exists_in_another_unicode_form_is_logged_once() {
    let folder = Folder::new();
    folder.write("Ma\u{308}rz.pdf", "a").write("\u{e9}/a.jpg", "b").write("public.jpg", "c");
    let mut server = Server::start(folder.path());
    for (target, other) in
        [("/M%C3%A4rz.pdf", "/Ma%CC%88rz.pdf (NFD)"), ("/e%CC%81/a.jpg", "/%C3%A9/a.jpg (NFC)")]
    {
        assert_eq!(server.get(target).status, 404, "{target}");
        let line = server.wait_for_line("404 for ");
        assert!(line.contains(target) && line.contains(other), "{line}");
        assert_eq!(server.get(target).status, 404, "{target}");
    }
    assert_eq!(server.get("/%C3%A4.jpg").status, 404);
    assert_eq!(server.get("/public.jpg").status, 200);
    let logged = server.end().iter().filter(|line| line.contains("in another Unicode form")).count();
    assert_eq!(logged, 2);
}

#[test]
fn the_start_says_what_an_unspecified_ipv6_address_accepts() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    let server = Server::spawn(wamedia().args(["serve", "--listen", "[::]:0"]).arg(folder.path()));
    let lines = server.end();
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(has("(IPv6 only)"), "{lines:?}");
    assert!(has("accepts IPv6 connections only, and nothing listens on this port for IPv4"), "{lines:?}");
}

#[test]
fn link_without_a_public_url_warns() {
    let folder = Folder::new();
    folder.write("a.jpg", "a");
    for (listen, origin) in [
        ("127.0.0.1:9", "http://127.0.0.1:9"),
        ("0.0.0.0:9", "http://127.0.0.1:9"),
        ("[::]:9", "http://[::1]:9"),
    ] {
        let variables = [("WAMEDIA_STORE", "."), ("WAMEDIA_LISTEN", listen)];
        let link = outcome(&mut command(folder.path(), &variables, &["link", "a.jpg"]));
        assert_eq!((link.code, link.stdout), (Some(0), format!("{origin}/a.jpg?v={}\n", version_of(b"a"))));
        assert!(link.stderr.starts_with("wamedia: public_url is not set"), "{}", link.stderr);
        assert_eq!(link.stderr.lines().count(), 1, "{}", link.stderr);
    }
    // A link to port 0 cannot be followed.
    let variables = [("WAMEDIA_STORE", "."), ("WAMEDIA_LISTEN", "127.0.0.1:0")];
    let link = outcome(&mut command(folder.path(), &variables, &["link", "a.jpg"]));
    assert_refused(&link, 2, &["public_url is not set", "port 0", "set public_url"]);
}

#[test]
fn versioned_link_is_answered_with_the_policy_for_its_version() {
    let folder = Folder::new();
    folder.write("list.pdf", "old");
    // Without versions in links, the server would use its cached metadata for an hour.
    let server = Server::configured(
        &folder,
        &format!("public_url = \"{URL}\"\n[[mount]]\nstore = \".\"\nfresh = \"1h\"\n"),
    );
    let target = |arguments: &[&str]| {
        let link = run(folder.path(), arguments);
        link_of(&link).strip_prefix(URL).expect("the public URL").to_owned()
    };
    let old = target(&["link", "list.pdf"]);
    let response = server.get(&old);
    assert_eq!((response.status, response.text()), (200, "old"));
    assert_eq!(response.field("cache-control"), "max-age=31536000, immutable");
    let (_, version) = old.split_once("?v=").expect("a version");
    assert!(response.field("etag").starts_with(&format!("\"{version}")), "{response:?}");
    let plain = server.get(&target(&["link", "--no-version", "list.pdf"]));
    assert_eq!((plain.status, plain.field("cache-control")), (200, "no-cache"));

    folder.write("list.new", "new");
    fs::rename(folder.at("list.new"), folder.at("list.pdf")).expect("a rename");
    let new = target(&["link", "list.pdf"]);
    let response = server.get(&new);
    assert_eq!((response.status, response.text()), (200, "new"));
    assert_eq!(response.field("cache-control"), "max-age=31536000, immutable");
    let response = server.get(&old);
    assert_eq!((response.text(), response.field("cache-control")), ("new", "no-cache"));
}
