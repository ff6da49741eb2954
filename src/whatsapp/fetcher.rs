//! User agents of Meta's fetchers and WhatsApp's clients.
//!
//! Meta does not document the User-Agent of the media fetcher. So this only labels a request for people, and never decides its response.

/// Substrings of observed `User-Agent` values: webhooks (`facebookexternalua`), link previews (`facebookexternalhit`), and WhatsApp's
/// clients (`WhatsApp/2.…`).
pub const USER_AGENTS: [&str; 3] = ["facebookexternalua", "facebookexternalhit", "WhatsApp/"];

/// Whether a `User-Agent` looks like one of Meta's servers or WhatsApp's clients.
pub fn is_fetcher(user_agent: &[u8]) -> bool {
    USER_AGENTS
        .iter()
        .any(|known| user_agent.windows(known.len()).any(|part| part.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metas_user_agents_are_recognised() {
        for (user_agent, is_known) in [
            ("facebookexternalua", true),
            ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", true),
            ("WhatsApp/2.23.20.0", true),
            ("Mozilla/5.0 whatsapp/2", true),
            ("curl/8.5.0", false),
            ("What", false),
            ("", false),
        ] {
            assert_eq!(is_fetcher(user_agent.as_bytes()), is_known, "{user_agent}");
        }
    }
}
