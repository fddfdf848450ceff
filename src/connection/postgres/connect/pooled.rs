//! What is done about a pooler that answers in a server's place.

use std::net::IpAddr;

use super::super::hosts::Way;
use super::super::pooler;
use super::super::session::Session;
use super::Dial;
use crate::connection::ConnectionError;

impl Dial<'_> {
    /// Refuses a pooler through which sessions or tools would not get what they need.
    pub(super) async fn judge(
        &self,
        session: &Session,
        address: Option<IpAddr>,
    ) -> Result<(), ConnectionError> {
        // Before anything that may end the session.
        let direct = self.behind(session).await;
        let second = tokio::time::timeout(pooler::PATIENCE, self.connect_address(address)).await;
        let what = match second {
            Ok(Ok(second)) if pooler::keeps_apart(session, &second).await => {
                if self.passes_options_on(address).await {
                    return Ok(());
                }
                pooler::NO_OPTIONS
            }
            Ok(Ok(_)) => pooler::SHARES,
            Ok(Err(_)) | Err(_) => pooler::NOT_KNOWN,
        };
        Err(ConnectionError::Pooler {
            server: self.host.shown(),
            what: what.to_owned(),
            direct,
        })
    }

    /// Where the server itself listens, as a person would write it.
    async fn behind(&self, session: &Session) -> Option<String> {
        let asked = tokio::time::timeout(pooler::PATIENCE, pooler::behind(session)).await;
        let (address, port) = asked.unwrap_or_default();
        let host = address.or_else(|| match &self.host.way {
            Way::Socket(_) => None,
            Way::Name | Way::Address(_) => Some(self.host.name.clone()),
        });
        port.map(|port| match host {
            Some(host) if host.contains(':') => format!("[{host}]:{port}"),
            Some(host) => format!("{host}:{port}"),
            None => format!("port {port}"),
        })
    }

    async fn passes_options_on(&self, address: Option<IpAddr>) -> bool {
        let mut params = self.params.clone();
        let own = params.effective.remove("options").unwrap_or_default();
        let probe = format!("{own} {}", pooler::PROBE);
        params.effective.insert("options", probe);
        let dial = Dial {
            params: &params,
            ..*self
        };
        let tried = async {
            let session = dial.connect_address(address).await.ok()?;
            Some(pooler::has_options(&session).await)
        };
        let tried = tokio::time::timeout(pooler::PATIENCE, tried).await;
        tried.ok().flatten().unwrap_or(false)
    }
}
