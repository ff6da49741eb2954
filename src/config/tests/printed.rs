//! `--print-config`: printed settings read back, and their comments explain each cache policy.

use super::*;

#[test]
fn printed_settings_read_back() {
    let full: String = samples()
        .iter()
        .filter(|(name, _)| **name != "public_url")
        .fold(String::new(), |text, (name, [value, ..])| format!("{text}{name} = \"{value}\"\n"));
    let rules = "[[mount]]\npath = \"/media\"\nstore = \".\"\nfresh = \"500ms\"\nlast_modified = \"mtime\"\n\
                 [[mount]]\npath = \"/media/b \\\"c\\\"\"\nstore = \"media\"\n\
                 [[mount]]\npath = \"/media/s3\"\nstore = \"s3://bucket/a b\"\nstale_if_error = \"2h\"\n\
                 endpoint = \"http://127.0.0.1:9000/\"\nregion = \"auto\"\naddressing = \"virtual-host\"\n\
                 credentials = \"profile:r2\"\n\
                 [[mount]]\npath = \"/media/gs\"\nstore = \"gs://bucket\"\ncredentials = \"anonymous\"\n\
                 [[cache.rule]]\nmatch = \"campaign/\\\\[*\"\ncache_control = \"Max-Age=604800\"\n\
                 [[cache.rule]]\nmatch = \"*.pdf\"\ncache_control = \"private\"\nsigned = false\n";
    for text in [
        MOUNT.to_owned(),
        format!("{full}public_url = \"https://x.example/media\"\n{rules}"),
        format!("access_log = \"a log.json\"\nlisten = [\"[::1]:1\", \"127.0.0.1:0\"]\n{rules}"),
    ] {
        let fixture = Fixture::with_file(&text);
        let settings = fixture.load(&Flags::default(), &[]).unwrap();
        let printed = settings.as_file().to_string();
        let again = Fixture::with_file(&printed);
        let mut read_back =
            again.load(&Flags::default(), &[]).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        read_back.config_file.clone_from(&settings.config_file);
        assert_eq!(read_back, settings, "{printed}");
        for key in KEYS {
            let name = key.name.rsplit('.').next().unwrap();
            assert!(
                printed.lines().any(|line| line.trim_start_matches("# ").starts_with(name)),
                "{name}\n{printed}"
            );
        }
        // The first text has a folder and no rules; the others have every key.
        let has_all = text.contains("cache.rule");
        let in_short = ["mount.path", "mount.store", "mount.fresh", "mount.last_modified"];
        for key in file::LIST_KEYS
            .into_iter()
            .filter(|key| has_all && !key.starts_with("auth.") || in_short.contains(key))
        {
            let name = key.rsplit('.').next().unwrap();
            assert!(printed.lines().any(|line| line.starts_with(&format!("{name} = "))), "{name}\n{printed}");
        }
    }
}

#[test]
fn printed_settings_name_the_file_and_what_whatsapp_does() {
    let fixture = Fixture::with_file(&format!(
        "{MOUNT}[[cache.rule]]\nmatch = \"a\"\ncache_control = \"max-age=604800\"\n"
    ));
    let printed = fixture.load(&Flags::default(), &[]).unwrap().as_file().to_string();
    for part in [
        "# The settings in force",
        &format!("# Configuration file: {}", fixture.path("wamedia.toml").display()),
        "# public_url is not set",
        "# WhatsApp keeps it for 7 days and reuses it without asking the server.\ncache_control = \"max-age=604800\"",
        "# WhatsApp keeps it and fetches a new copy when Last-Modified has changed.\ndefault = \"no-cache\"",
        "fixed 10 minutes",
        "cache = \"256 MiB\"",
    ] {
        assert!(printed.contains(part), "{part}\n{printed}");
    }
    let printed = Fixture::new().load(&store(), &[]).unwrap().as_file().to_string();
    assert!(printed.contains("# No configuration file was read."));
}
