//! The policy decision point: the only place that makes a [`Permit`].
//!
//! What the settings deny finally is refused first. Policies are asked in their order; `allow` and `deny` are final, `defer`
//! asks the next, and after the last the settings decide: operations that are allowed by name, then the env flags. Whatever
//! fails on the way to a permit is a denial.

use std::sync::{Arc, PoisonError, RwLock};

use engine_api::{Decision, Flags, Operation, Rights};

use crate::chain::Chain;
use crate::events::POLICY_TARGET;
use crate::load::compiler::Compiler;
use crate::load::files::Look;
use crate::permit::Permit;
use crate::question::{Question, flags_verdict};
use crate::ruling::{Denied, Ruling};
use crate::runtime::{ChainError, ChainVerdict, Runtime};
use crate::settings::Policies;

/// Judges operations.
#[derive(Debug)]
pub struct PolicyDecisionPoint {
    rights: Rights,
    /// The chain in force. A reload replaces it as a whole; a decision keeps the chain that it began with.
    chain: RwLock<Arc<Chain>>,
    runtime: Option<Arc<Runtime>>,
    /// What the policies' files looked like before they were loaded for the first time.
    first_look: Look,
}

impl PolicyDecisionPoint {
    /// Loads the policies that are asked before `rights` decide; `compiler` compiles them. If there are none, the WebAssembly
    /// engine is not set up.
    ///
    /// # Errors
    /// [`ChainError`] if one cannot be loaded.
    pub async fn start(rights: Rights, policies: &Policies, compiler: &Compiler) -> Result<Self, ChainError> {
        if policies.chain.is_empty() {
            return Ok(Self { rights, chain: RwLock::default(), runtime: None, first_look: Look::default() });
        }
        let runtime = Arc::new(Runtime::start(policies.clone(), compiler).await?);
        let first_look = runtime.look().await;
        let chain = runtime.load(&Chain::default()).await?;
        for link in chain.links() {
            tracing::info!(
                target: POLICY_TARGET,
                mode = link.mode.as_str(),
                inspects = link.inspects_in_words(),
                "policy {} is loaded",
                link.id
            );
        }
        Ok(Self { rights, chain: RwLock::new(Arc::new(chain)), runtime: Some(runtime), first_look })
    }

    /// The flags, for the `Allow` header.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.rights.flags
    }

    /// The policies in force now. A request keeps the same chain from its inspection to its permit.
    #[must_use]
    pub fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.chain.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts `chain` in force for every request that has not begun to be judged.
    pub(crate) fn replace(&self, chain: Arc<Chain>) {
        *self.chain.write().unwrap_or_else(PoisonError::into_inner) = chain;
    }

    /// The runtime of the policies, and what their files looked like before they were loaded for the first time; `None`
    /// if there is no policy.
    pub(crate) fn followed(&self) -> Option<(&Runtime, &Look)> {
        self.runtime.as_deref().map(|runtime| (runtime, &self.first_look))
    }

    /// Decides on a request: by the policies of `chain`, then by the settings.
    ///
    /// # Errors
    /// [`Denied`], with the reason that the client is told.
    pub async fn permit(
        &self,
        chain: &Chain,
        question: Question,
        ruling: &mut Ruling,
    ) -> Result<Permit, Denied> {
        let settings_say = engine_api::decide(self.rights, &question.operation);
        if let Some(runtime) = &self.runtime
            && settings_say.final_denial().is_none()
            && let ChainVerdict::Allowed =
                runtime.ask(chain, &question, flags_verdict(&settings_say), ruling).await?
        {
            return Ok(Permit::grant(question.pinned()));
        }
        self.settle(settings_say, question.pinned(), ruling)
    }

    /// Refuses a request that the settings deny and that no policy of `chain` can allow. That is known without its body.
    ///
    /// # Errors
    /// [`Denied`], by the settings.
    pub fn require_chance(
        &self,
        chain: &Chain,
        operation: &Operation,
        ruling: &mut Ruling,
    ) -> Result<(), Denied> {
        let settings_say = engine_api::decide(self.rights, operation);
        match settings_say.denial() {
            Some(denial) if denial.is_final() || !chain.can_allow() => {
                ruling.list = denial.list();
                Err(Denied::BySettings(denial.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Decides on a request by the settings alone, when no policy is loaded.
    ///
    /// # Errors
    /// [`Denied`], with the reason that the client is told.
    pub fn permit_by_settings(
        &self,
        operation: Arc<Operation>,
        ruling: &mut Ruling,
    ) -> Result<Permit, Denied> {
        self.settle(engine_api::decide(self.rights, &operation), operation, ruling)
    }

    /// Does what the settings say.
    fn settle(
        &self,
        settings_say: Decision,
        operation: Arc<Operation>,
        ruling: &mut Ruling,
    ) -> Result<Permit, Denied> {
        ruling.list = settings_say.settled_by(self.rights, &operation);
        match settings_say {
            Decision::Allow => Ok(Permit::grant(operation)),
            Decision::Deny(denial) => Err(Denied::BySettings(denial)),
        }
    }
}
