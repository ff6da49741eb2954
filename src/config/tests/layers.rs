//! Precedence of flags, environment and file, and the defaults.

use super::*;
use crate::asset::AssetPath;

#[test]
fn defaults_are_the_documented_ones() {
    let fixture = Fixture::new();
    let settings = fixture.load(&store(), &[]).unwrap();
    let expected = Settings {
        admin: None,
        explicit: ExplicitKeys::default(),
        listen: vec!["127.0.0.1:8080".parse().unwrap()],
        plain_listen: vec![],
        plain_serves: PlainServes::Assets,
        public_url: None,
        threads: thread::available_parallelism().unwrap().get(),
        state: PathBuf::from("/var/lib/wamedia"),
        access_log: AccessLog::Text,
        tls: TlsFiles { cert: vec![], key: vec![] },
        acme: Acme {
            domains: vec![],
            contact: None,
            directory: "https://acme-v02.api.letsencrypt.org/directory".to_owned(),
            state: PathBuf::from("/var/lib/wamedia/acme"),
            ca: None,
            challenge: vec![ChallengeType::TlsAlpn01, ChallengeType::Http01],
        },
        mounts: vec![Mount {
            path: String::new(),
            store: Location::Folder(fixture.path("media")),
            fresh: Duration::from_secs(1),
            last_modified: LastModified::Content,
        }],
        memory: Memory { cache: 268_435_456, streams: 33_554_432, digests: 65_536 },
        cache: CacheRules {
            default: "no-cache".parse().unwrap(),
            versioned: "max-age=31536000, immutable".parse().unwrap(),
            rules: vec![],
            precedence: Precedence::Object,
        },
        signing: Signing::default(),
        auth: vec![],
        upstream: Upstream {
            connections: 512,
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(20),
        },
        limits: Limits {
            connections: 10_000,
            connections_per_client: 2_500,
            requests_per_second: 0,
            burst: 100,
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            min_send_rate: 500,
            drain_timeout: Duration::from_secs(30),
            head_size: 32_768,
        },
        exempt: Networks::default(),
        trusted_proxies: Networks::default(),
        proxy_protocol: false,
        listen_unix: vec![],
        cors: CorsOrigins::default(),
        config_file: None,
    };
    assert_eq!(settings, expected);
    assert_eq!(settings.base_url().to_string(), "http://127.0.0.1:8080");
}

#[test]
fn every_key_is_read_from_file_and_environment_and_the_environment_overrides() {
    let samples = samples();
    assert_eq!(samples.len(), KEYS.len());
    // The folder may be another, and is part of what is shown of a file.
    let shown_in = |fixture: &Fixture, settings: &Settings, key: &Key| {
        shown(settings, key).map(|text| text.replace(&fixture.path("").display().to_string(), ""))
    };
    for key in KEYS {
        let [first, second, _] = samples[key.name];
        let others = companion(key.name);
        let file = Fixture::with_file(&format!("{others}{} = \"{first}\"\n{MOUNT}", key.name));
        let variable = env::variable(key.name);
        let defaults = Fixture::with_file(&format!("{others}{MOUNT}"));

        let from_file = file.load(&Flags::default(), &[]).unwrap();
        assert_ne!(shown(&from_file, key), shown(&Settings::defaults(), key), "{}", key.name);
        let from_variable = defaults.load(&Flags::default(), &[(&variable, first)]).unwrap();
        assert_eq!(
            shown_in(&file, &from_file, key),
            shown_in(&defaults, &from_variable, key),
            "{}",
            key.name
        );

        let both = file.load(&Flags::default(), &[(&variable, second)]).unwrap();
        let second = defaults.load(&Flags::default(), &[(&variable, second)]).unwrap();
        assert_ne!(shown(&both, key), shown(&from_file, key), "{}", key.name);
        assert_eq!(shown_in(&file, &both, key), shown_in(&defaults, &second, key), "{}", key.name);
    }
}

#[test]
fn flags_override_the_environment() {
    let samples = samples();
    for (name, set) in [
        ("listen", (|flags, text| flags.listen = vec![text]) as fn(&mut Flags, String)),
        ("public_url", |flags, text| flags.public_url = Some(text)),
        ("cache.default", |flags, text| flags.cache_control = Some(text)),
        ("access_log", |flags, text| flags.access_log = Some(text)),
        ("tls.cert", |flags, text| flags.tls_cert = vec![text]),
        ("tls.key", |flags, text| flags.tls_key = vec![text]),
        ("acme.domains", |flags, text| flags.domain = vec![text]),
    ] {
        let [in_file, in_variable, in_flag] = samples[name];
        let fixture = Fixture::with_file(&format!("{}{name} = \"{in_file}\"\n{MOUNT}", companion(name)));
        let mut flags = Flags::default();
        set(&mut flags, in_flag.to_owned());
        let settings = fixture.load(&flags, &[(&env::variable(name), in_variable)]).unwrap();
        let key = settings_table::key(name).unwrap();
        let expected =
            if name == "access_log" { fixture.path(in_flag).display().to_string() } else { in_flag.into() };
        assert_eq!(shown(&settings, key), Some(expected));
    }
}

#[test]
fn repeated_listen_flags_add_addresses() {
    let flags = Flags { listen: vec!["127.0.0.1:0".into(), "[::1]:8080".into()], ..store() };
    let settings = Fixture::new().load(&flags, &[]).unwrap();
    assert_eq!(settings.listen, ["127.0.0.1:0".parse().unwrap(), "[::1]:8080".parse().unwrap()]);
}

#[test]
fn relative_certificate_and_key_paths_begin_where_they_are_configured() {
    let fixture = Fixture::with_file(MOUNT);
    fs::create_dir(fixture.path("etc")).unwrap();
    let toml = "[tls]\ncert = [\"a,1.pem\", \"/b.pem\"]\nkey = [\"a.key\", \"b.key\"]\n[[mount]]\nstore = \"../media\"\n";
    fs::write(fixture.path("etc/w.toml"), toml).unwrap();
    let flags = Flags { config: Some("etc/w.toml".into()), ..Flags::default() };
    let settings = fixture.load(&flags, &[]).unwrap();
    let (first, second) = (fixture.path("etc/a,1.pem"), fixture.path("etc/a.key"));
    let key = fixture.path("etc/b.key");
    let expected = [(&*first, &*second), (Path::new("/b.pem"), &*key)];
    assert_eq!(settings.tls.pairs().collect::<Vec<_>>(), expected);
    assert_eq!(settings.base_url().to_string(), "https://127.0.0.1:8080");

    let flags = Flags { tls_cert: vec!["a.pem".to_owned()], tls_key: vec!["a.key".to_owned()], ..flags };
    let settings = fixture.load(&flags, &[]).unwrap();
    let expected = [(&*fixture.path("a.pem"), &*fixture.path("a.key"))];
    assert_eq!(settings.tls.pairs().collect::<Vec<_>>(), expected);
}

#[test]
fn domain_sets_the_defaults_of_addresses_and_public_url() {
    let fixture = Fixture::with_file(MOUNT);
    let flags = Flags { domain: vec!["Media.Example.com".into(), "b.example".into()], ..Flags::default() };
    let shown = |addresses: &[SocketAddr]| addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
    let settings = fixture.load(&flags, &[("HOME", "/home/a")]).unwrap();
    assert_eq!(settings.acme.domains, ["media.example.com", "b.example"]);
    assert_eq!(settings.acme.state, Path::new("/home/a/.local/state/wamedia/acme"));
    assert_eq!(shown(&settings.listen), ["0.0.0.0:443", "[::]:443"]);
    assert_eq!(shown(&settings.plain_listen), ["0.0.0.0:80", "[::]:80"]);
    assert_eq!(settings.plain_serves, PlainServes::Challenges);
    assert_eq!(settings.base_url().to_string(), "https://media.example.com");
    assert_eq!(settings.scheme(), Scheme::Https);

    for (toml, plain, serves, challenges) in [
        ("listen = \"127.0.0.1:8443\"", &[][..], "assets", "tls-alpn-01"),
        (
            "listen = \"127.0.0.1:1\"\nplain_listen = \"127.0.0.1:2\"",
            &["127.0.0.1:2"],
            "assets",
            "tls-alpn-01 http-01",
        ),
        ("plain_listen = \"127.0.0.1:2\"", &["127.0.0.1:2"], "assets", "tls-alpn-01 http-01"),
        ("plain_serves = \"assets\"", &["0.0.0.0:80", "[::]:80"], "assets", "tls-alpn-01 http-01"),
        ("acme.challenge = \"tls-alpn-01\"", &[], "assets", "tls-alpn-01"),
        ("acme.challenge = \"http-01\"", &["0.0.0.0:80", "[::]:80"], "challenges", "http-01"),
    ] {
        let fixture = Fixture::with_file(&format!("{toml}\n{MOUNT}"));
        let settings = fixture.load(&flags, &[]).unwrap();
        assert_eq!(shown(&settings.plain_listen), plain, "{toml}");
        assert_eq!(settings.plain_serves.as_str(), serves, "{toml}");
        let kinds = settings.acme.challenge.iter().map(|kind| kind.as_str());
        assert_eq!(kinds.collect::<Vec<_>>().join(" "), challenges, "{toml}");
    }
    let own = format!("public_url = \"https://cdn.example:8443\"\n{MOUNT}");
    let settings = Fixture::with_file(&own).load(&flags, &[]).unwrap();
    assert_eq!(settings.base_url().to_string(), "https://cdn.example:8443");
}

#[test]
fn store_from_a_flag_or_variable_replaces_the_mounts_of_the_file() {
    let fixture = Fixture::with_file("[[mount]]\npath = \"/x\"\nstore = \"gone\"\nfresh = 0\n");
    fs::create_dir(fixture.path("other")).unwrap();
    for (flags, variables, folder) in [
        (Flags::default(), &[("WAMEDIA_STORE", "other")][..], "other"),
        (store(), &[("WAMEDIA_STORE", "other")], "media"),
        (store(), &[], "media"),
    ] {
        let settings = fixture.load(&flags, variables).unwrap();
        let store = Location::Folder(fixture.path(folder));
        let expected = Mount {
            path: String::new(),
            store,
            fresh: Duration::from_secs(1),
            last_modified: LastModified::Content,
        };
        assert_eq!(settings.mounts, [expected]);
    }
}

#[test]
fn file_comes_from_the_flag_else_the_variable_else_the_working_directory() {
    let fixture = Fixture::with_file(&format!("threads = 1\n{MOUNT}"));
    fs::create_dir_all(fixture.path("etc/here")).unwrap();
    fs::write(
        fixture.path("etc/v.toml"),
        "threads = 2\naccess_log = \"here/log\"\n[[mount]]\nstore = \"here\"\n",
    )
    .unwrap();
    fs::write(fixture.path("etc/f.toml"), "threads = 3\n[[mount]]\nstore = \"../media\"\nfresh = \"1h\"\n")
        .unwrap();
    let variable = [("WAMEDIA_CONFIG", "etc/v.toml")];
    let flag = Flags { config: Some("etc/f.toml".into()), ..Flags::default() };

    let settings = fixture.load(&Flags::default(), &[]).unwrap();
    assert_eq!((settings.threads, settings.config_file), (1, Some(fixture.path("wamedia.toml"))));

    let settings = fixture.load(&Flags::default(), &variable).unwrap();
    assert_eq!((settings.threads, settings.config_file), (2, Some(fixture.path("etc/v.toml"))));
    assert_eq!(settings.mounts[0].store, Location::Folder(fixture.path("etc/here")));
    assert_eq!(settings.access_log, AccessLog::File(fixture.path("etc/here/log")));

    let settings = fixture.load(&flag, &variable).unwrap();
    assert_eq!((settings.threads, settings.config_file), (3, Some(fixture.path("etc/f.toml"))));
    assert_eq!(settings.mounts[0].store, Location::Folder(fixture.path("etc/../media")));
    assert_eq!(settings.mounts[0].fresh, Duration::from_hours(1));
}

#[test]
fn first_matching_rule_sets_the_policy() {
    let fixture = Fixture::with_file(&format!(
        "{MOUNT}[[cache.rule]]\nmatch = \"campaign/**\"\ncache_control = \"max-age=604800\"\n\
         [[cache.rule]]\nmatch = \"*.pdf\"\ncache_control = \"private\"\n"
    ));
    let flags = Flags { cache_control: Some("no-store".to_owned()), ..Flags::default() };
    let cache = fixture.load(&flags, &[]).unwrap().cache;
    for (path, policy) in
        [("campaign/a.pdf", "max-age=604800"), ("x/a.pdf", "private"), ("a.png", "no-store")]
    {
        assert_eq!(cache.policy_for(&AssetPath::from_plain(path).unwrap(), None).as_str(), policy);
    }
}

#[test]
fn derived_settings_follow_from_running_addresses_and_names() {
    let (acme, listen) = ("acme.domains = \"m.example\"\n", "listen = \"127.0.0.1:1\"\n");
    let plain = "plain_listen = \"127.0.0.1:2\"\n";
    let (assets, challenges) = (PlainServes::Assets, PlainServes::Challenges);
    for (running, new, serves, is_named, links_to) in [
        (acme, "", challenges, true, Some("https://m.example")),
        (acme, &*format!("{listen}{acme}"), challenges, true, Some("https://m.example")),
        (acme, &format!("{plain}{acme}"), challenges, true, Some("https://m.example")),
        (acme, &format!("plain_serves = \"assets\"\n{acme}"), assets, false, Some("https://m.example")),
        (&format!("plain_serves = \"assets\"\n{acme}"), acme, challenges, false, Some("https://m.example")),
        (&format!("{listen}{plain}"), acme, assets, true, None),
        (&format!("{listen}{plain}{acme}"), acme, assets, true, Some("https://m.example")),
        (plain, "plain_serves = \"challenges\"", challenges, false, None),
        ("", "public_url = \"http://a.example\"", assets, false, Some("http://a.example")),
    ] {
        let load = |text: &str| Fixture::with_file(text).load(&store(), &[]).unwrap();
        let (running, mut settings) = (load(running), load(new));
        let restart_required = settings.keep_restart_required(&running);
        let url = settings.public_url.as_ref().map(ToString::to_string);
        assert_eq!((settings.plain_serves, url.as_deref()), (serves, links_to), "{new}");
        assert_eq!(restart_required.contains(&"plain_serves"), is_named, "{new} {restart_required:?}");
        // A second reload keeps the same values.
        let mut settings_again = load(new);
        settings_again.keep_restart_required(&settings);
        assert_eq!(settings_again.plain_serves, serves, "{new}");
    }
}
