//! How Meta's servers are known to call themselves.
//!
//! What fetches the media of messages names itself nowhere in Meta's documents, so this is for telling people what a request
//! probably was, and never for deciding what it gets.

/// What the `User-Agent` of Meta's servers has been seen to begin with, or to hold: of webhooks (`facebookexternalua`), of what
/// fetches previews (`facebookexternalhit`), of WhatsApp's clients (`WhatsApp/2.…`).
pub const USER_AGENTS: [&str; 3] = ["facebookexternalua", "facebookexternalhit", "WhatsApp/"];

/// Whether a `User-Agent` is one of those that Meta's servers or WhatsApp's clients are known by.
pub fn is_fetcher(user_agent: &[u8]) -> bool {
    USER_AGENTS
        .iter()
        .any(|known| user_agent.windows(known.len()).any(|part| part.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metas_servers_are_known_by_their_names() {
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
