//! Language codes of templates.

/// The page that [`LANGUAGES`] is from.
pub const LANGUAGES_SOURCE: &str = "Meta: templates, supported languages, 21 May 2026";

/// The language codes that a template can have, sorted. The page may lag: `ar_SA` was seen before the page listed it.
pub const LANGUAGES: &[&str] = &[
    "af", "ar", "ar_AE", "ar_EG", "ar_LB", "ar_MA", "ar_QA", "ar_SA", "az", "be_BY", "bg", "bn", "bn_IN",
    "ca", "cs", "da", "de", "de_AT", "de_CH", "el", "en", "en_AE", "en_AU", "en_CA", "en_GB", "en_GH",
    "en_IE", "en_IN", "en_JM", "en_MY", "en_NZ", "en_QA", "en_SG", "en_UG", "en_US", "en_ZA", "es", "es_AR",
    "es_CL", "es_CO", "es_CR", "es_DO", "es_EC", "es_ES", "es_HN", "es_MX", "es_PA", "es_PE", "es_UY",
    "es_VE", "et", "fa", "fi", "fil", "fr", "fr_BE", "fr_CA", "fr_CH", "fr_CI", "fr_MA", "ga", "gu", "ha",
    "he", "hi", "hr", "hu", "id", "it", "ja", "ka", "kk", "kn", "ko", "ky_KG", "lo", "lt", "lv", "mk", "ml",
    "mr", "ms", "nb", "nl", "nl_BE", "pa", "pl", "prs_AF", "ps_AF", "pt_BR", "pt_PT", "ro", "ru", "rw_RW",
    "si_LK", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "uz", "vi", "zh_CN",
    "zh_HK", "zh_TW", "zu",
];

/// The language subtag of Meta's code, and what senders write instead, in lowercase: ISO 639-2 and 639-3 codes, English names, country
/// codes and retired codes. Three-letter codes in [`LANGUAGES`] are not here.
const LANGUAGE_ALIASES: &[(&str, &[&str])] = &[
    ("af", &["afr", "afrikaans"]),
    ("ar", &["ara", "arabic"]),
    ("az", &["aze"]),
    ("be", &["bel"]),
    ("bg", &["bul", "bulgarian"]),
    ("bn", &["ben", "bengali"]),
    ("ca", &["cat", "catalan"]),
    ("cs", &["ces", "cz", "cze", "czech"]),
    ("da", &["dan", "danish", "dk"]),
    ("de", &["deu", "deutsch", "ger", "german"]),
    ("el", &["ell", "gr", "gre", "greek"]),
    ("en", &["eng", "english"]),
    ("es", &["esp", "espanol", "spa", "spanish"]),
    ("et", &["est", "estonian"]),
    ("fa", &["fas", "per", "persian"]),
    ("fi", &["fin", "finnish"]),
    ("fil", &["filipino", "tgl", "tl"]),
    ("fr", &["fra", "fre", "french"]),
    ("ga", &["gle", "irish"]),
    ("gu", &["guj", "gujarati"]),
    ("ha", &["hau"]),
    ("he", &["heb", "hebrew", "iw"]),
    ("hi", &["hin", "hindi"]),
    ("hr", &["croatian", "hrv"]),
    ("hu", &["hun", "hungarian"]),
    ("id", &["in", "ind", "indonesian"]),
    ("it", &["ita", "italian"]),
    ("ja", &["japanese", "jp", "jpn"]),
    ("ka", &["geo", "kat"]),
    ("kk", &["kaz"]),
    ("kn", &["kan", "kannada"]),
    ("ko", &["kor", "korean", "kr"]),
    ("ky", &["kir"]),
    ("lo", &["lao"]),
    ("lt", &["lit", "lithuanian"]),
    ("lv", &["latvian", "lav"]),
    ("mk", &["mac", "mkd"]),
    ("ml", &["mal", "malayalam"]),
    ("mr", &["mar", "marathi"]),
    ("ms", &["malay", "may", "msa"]),
    ("nb", &["nn", "no", "nob", "nor", "norwegian"]),
    ("nl", &["dut", "dutch", "nld"]),
    ("pa", &["pan", "punjabi"]),
    ("pl", &["pol", "polish"]),
    ("ps", &["pus"]),
    ("pt", &["br", "por", "portuguese"]),
    ("ro", &["romanian", "ron", "rum"]),
    ("ru", &["rus", "russian"]),
    ("rw", &["kin"]),
    ("si", &["sin"]),
    ("sk", &["slk", "slo", "slovak"]),
    ("sl", &["slovenian", "slv"]),
    ("sq", &["alb", "albanian", "sqi"]),
    ("sr", &["serbian", "srp"]),
    ("sv", &["se", "swe", "swedish"]),
    ("sw", &["swa", "swahili"]),
    ("ta", &["tam", "tamil"]),
    ("te", &["tel", "telugu"]),
    ("th", &["tha", "thai"]),
    ("tr", &["tur", "turkish"]),
    ("uk", &["ua", "ukr", "ukrainian"]),
    ("ur", &["urd", "urdu"]),
    ("uz", &["uzb"]),
    ("vi", &["vie", "vietnamese", "vn"]),
    ("zh", &["chi", "chinese", "cmn", "cn", "zho"]),
    ("zu", &["zul"]),
];

/// A country's code of ISO 3166-1, and what senders write instead, in capitals: reserved, three-letter and mistaken codes, and scripts.
const COUNTRY_ALIASES: &[(&str, &[&str])] = &[
    ("AE", &["ARE", "UAE"]),
    ("AR", &["ARG"]),
    ("AT", &["AUT"]),
    ("AU", &["AUS"]),
    ("BE", &["BEL"]),
    ("BR", &["BRA"]),
    ("CA", &["CAN"]),
    ("CH", &["CHE"]),
    ("CL", &["CHL"]),
    ("CN", &["CHN", "HANS"]),
    ("CO", &["COL"]),
    ("DE", &["DEU", "GER"]),
    ("EG", &["EGY"]),
    ("ES", &["ESP", "SP", "SPA"]),
    ("FR", &["FRA"]),
    ("GB", &["ENG", "GBR", "UK"]),
    ("HK", &["HKG"]),
    ("IE", &["IRL"]),
    ("IN", &["IND"]),
    ("IT", &["ITA"]),
    ("LB", &["LBN"]),
    ("MA", &["MAR"]),
    ("MX", &["MEX"]),
    ("NL", &["NLD"]),
    ("NZ", &["NZL"]),
    ("PE", &["PER"]),
    ("PT", &["POR", "PRT"]),
    ("QA", &["QAT"]),
    ("SA", &["KSA", "SAU"]),
    ("SG", &["SGP"]),
    ("TW", &["HANT", "TAI", "TWN"]),
    ("US", &["EN", "USA"]),
    ("ZA", &["ZAF"]),
];

/// Why a language code is not one of [`LANGUAGES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnlistedLanguage {
    /// No template can have it; with the codes that the sender may mean.
    Mistaken(Vec<&'static str>),
    /// Well-formed, so the list may lag; with the codes of the same language.
    Unknown(Vec<&'static str>),
}

/// Checks a language code against [`LANGUAGES`].
///
/// ```
/// use wamedia::whatsapp::templates::{UnlistedLanguage, unlisted_language};
///
/// assert_eq!(unlisted_language("en_GB"), None);
/// assert_eq!(unlisted_language("en_UK"), Some(UnlistedLanguage::Mistaken(vec!["en_GB"])));
/// assert!(matches!(unlisted_language("es_419"), Some(UnlistedLanguage::Unknown(_))));
/// ```
pub fn unlisted_language(code: &str) -> Option<UnlistedLanguage> {
    if LANGUAGES.contains(&code) {
        return None;
    }
    let trimmed = code.trim();
    let (language, country) = trimmed
        .split_once(['_', '-', ' '])
        .map_or((trimmed, None), |(language, rest)| (language, Some(rest)));
    let lowercase = language.to_ascii_lowercase();
    let alias = alias_of(LANGUAGE_ALIASES, &lowercase);
    let subtag = alias.unwrap_or(&lowercase);
    let of_language: Vec<&'static str> =
        LANGUAGES.iter().copied().filter(|listed| subtag_of(listed) == subtag).collect();
    let region = country.map(|country| {
        let capitals = country.to_ascii_uppercase();
        alias_of(COUNTRY_ALIASES, &capitals).map_or(capitals, str::to_owned)
    });
    let meant = match &region {
        Some(region) => of_language
            .iter()
            .copied()
            .find(|listed| listed.split_once('_').is_some_and(|(_, r)| r == region)),
        None => of_language.iter().copied().find(|listed| *listed == subtag),
    };
    let likely = meant.map_or(of_language, |meant| vec![meant]);
    let is_plausible =
        is_well_formed(code) && alias.is_none() && meant.is_none() && region.as_deref() == country;
    Some(if is_plausible { UnlistedLanguage::Unknown(likely) } else { UnlistedLanguage::Mistaken(likely) })
}

fn alias_of(aliases: &[(&'static str, &[&str])], written: &str) -> Option<&'static str> {
    aliases.iter().find(|(_, words)| words.contains(&written)).map(|(code, _)| *code)
}

fn subtag_of(code: &str) -> &str {
    code.split_once('_').map_or(code, |(language, _)| language)
}

/// `pt`, `pt_BR` or `es_419`: two letters, since all three-letter languages are in [`LANGUAGES`].
fn is_well_formed(code: &str) -> bool {
    let (language, country) = code.split_once('_').map_or((code, None), |(l, c)| (l, Some(c)));
    let is_country = |country: &str| {
        country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase())
            || country.len() == 3 && country.bytes().all(|b| b.is_ascii_digit())
    };
    language.len() == 2 && language.bytes().all(|b| b.is_ascii_lowercase()) && country.is_none_or(is_country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistaken_language_names_the_right_one() {
        for (code, meant) in [
            ("eng_US", "en_US"),
            ("en_UK", "en_GB"),
            ("en-US", "en_US"),
            ("en_us", "en_US"),
            ("EN", "en"),
            ("english", "en"),
            ("eng", "en"),
            ("deu_DE", "de"),
            ("iw", "he"),
            ("tl", "fil"),
            ("no", "nb"),
            ("zh-Hant", "zh_TW"),
            ("zh_HANS", "zh_CN"),
            ("pt-br", "pt_BR"),
            ("por_BRA", "pt_BR"),
            ("jp", "ja"),
            ("ky", "ky_KG"),
            (" en", "en"),
        ] {
            let (UnlistedLanguage::Mistaken(likely) | UnlistedLanguage::Unknown(likely)) =
                unlisted_language(code).expect(code);
            assert_eq!(likely.first(), Some(&meant), "{code}");
        }
        for code in
            ["eng_US", "en_UK", "en-US", "en_us", "EN", "english", "", "e", "en_", "xyz", "language_code"]
        {
            assert!(matches!(unlisted_language(code), Some(UnlistedLanguage::Mistaken(_))), "{code}");
        }
    }

    #[test]
    fn a_well_formed_language_may_be_newer_than_the_list() {
        for code in ["es_419", "am", "de_DE", "pt", "zh", "ne_NP"] {
            assert!(matches!(unlisted_language(code), Some(UnlistedLanguage::Unknown(_))), "{code}");
        }
        assert_eq!(unlisted_language("pt"), Some(UnlistedLanguage::Unknown(vec!["pt_BR", "pt_PT"])));
    }

    #[test]
    fn lists_are_sorted_and_aliases_lead_to_listed_codes() {
        assert!(LANGUAGES.is_sorted());
        for (subtag, words) in LANGUAGE_ALIASES {
            assert!(LANGUAGES.iter().any(|listed| subtag_of(listed) == *subtag), "{subtag}");
            assert!(words.iter().all(|written| !LANGUAGES.contains(written)), "{words:?}");
        }
        assert_eq!(LANGUAGES.iter().filter(|code| subtag_of(code).len() == 3).count(), 2);
    }
}
