//! Who follows what, and the newest of each state that anyone follows (pure).

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use pledge_core::event::EventSeq;
use pledge_core::primitives::Address;
use pledge_core::types::{Account, ChainId, TokenId};

use super::Topic;
use super::reader::{Reader, ReaderId};
use super::texts::Texts;
use super::touched::{Mark, StateKey};

/// Every reader and every state that is followed. One lock guards it: what is registered in it gets all
/// that is put in later.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The last event that was passed on; `None` before the log was read once.
    pub(super) position: Option<EventSeq>,
    /// Whether no more readers are taken.
    pub(super) is_closing: bool,
    newest_id: ReaderId,
    pub(super) readers: HashMap<ReaderId, Arc<Reader>>,
    followers: BTreeMap<Topic, BTreeSet<ReaderId>>,
    /// The newest of each state that is followed.
    states: BTreeMap<StateKey, Texts>,
    /// States to be read again, in the order in which they were marked; each once.
    due: VecDeque<StateKey>,
    is_due: BTreeSet<StateKey>,
    /// States that are being read: of two reads of one state the later one must win.
    under_way: BTreeSet<StateKey>,
    /// States that could not be read.
    postponed: BTreeSet<StateKey>,
    accounts: usize,
}

/// As many accounts are followed as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyAccounts;

impl Table {
    /// A number for a new reader.
    pub(super) const fn next_id(&mut self) -> ReaderId {
        self.newest_id += 1;
        self.newest_id
    }

    /// Lets a reader follow topics, all of them or none, and gives it what is known of their states.
    pub(super) fn follow(
        &mut self,
        reader: &Arc<Reader>,
        topics: &BTreeSet<Topic>,
        accounts_max: usize,
    ) -> Result<(), TooManyAccounts> {
        let is_new = |topic: &&Topic| {
            matches!(topic, Topic::Account(..)) && !self.followers.contains_key(*topic)
        };
        if self.accounts + topics.iter().filter(is_new).count() > accounts_max {
            return Err(TooManyAccounts);
        }
        self.readers.entry(reader.id).or_insert_with(|| Arc::clone(reader));
        for topic in topics {
            let followers = self.followers.entry(*topic).or_default();
            let is_first = followers.is_empty();
            followers.insert(reader.id);
            self.accounts += usize::from(is_first && matches!(topic, Topic::Account(..)));
            // What others follow already is known, so that those who come back together cost no read.
            let known: Vec<_> = of_topic(&self.states, topic).collect();
            if known.is_empty() {
                self.mark_topic(topic);
                continue;
            }
            for (key, texts) in known {
                reader.put_state(key, texts);
            }
        }
        Ok(())
    }

    /// A reader follows topics no more.
    pub(super) fn leave(&mut self, reader: ReaderId, topics: &BTreeSet<Topic>) {
        for topic in topics {
            let Some(followers) = self.followers.get_mut(topic) else { continue };
            if followers.remove(&reader) && followers.is_empty() {
                self.followers.remove(topic);
                self.accounts -= usize::from(matches!(topic, Topic::Account(..)));
                self.states.retain(|key, _| key.topic() != *topic);
            }
        }
    }

    /// A reader is gone.
    pub(super) fn remove(&mut self, reader: &Reader) {
        let topics = reader.topics();
        self.leave(reader.id, &topics);
        self.readers.remove(&reader.id);
    }

    /// Whether anyone follows a topic.
    pub(super) fn is_followed(&self, topic: &Topic) -> bool {
        self.followers.contains_key(topic)
    }

    /// Whether anyone follows something of a chain's accounts.
    pub(super) fn has_accounts(&self) -> bool {
        self.accounts > 0
    }

    /// The readers that follow any of these topics, each once.
    pub(super) fn followers(&self, topics: &[Topic]) -> Vec<Arc<Reader>> {
        let lists = topics.iter().filter_map(|topic| self.followers.get(topic));
        // Most events are of one topic, and then no set is made of its readers.
        let ids: Vec<ReaderId> = match topics {
            [_] => lists.flatten().copied().collect(),
            _ => lists.flatten().copied().collect::<BTreeSet<_>>().into_iter().collect(),
        };
        ids.iter().filter_map(|id| self.readers.get(id)).cloned().collect()
    }

    /// Has states read again, those that anyone follows.
    pub(super) fn mark(&mut self, mark: Mark) {
        match mark {
            Mark::Chain(chain) => self.mark_key(StateKey::Chain(chain)),
            Mark::Settlements => self.mark_key(StateKey::Settlements),
            Mark::AccountsOfChain(chain) => self.mark_accounts(|token| token.chain == chain, chain),
            Mark::AccountsOfToken(of) => self.mark_accounts(|token| *token == of, of.chain),
        }
    }

    /// Has every state of a topic read again.
    pub(super) fn mark_topic(&mut self, topic: &Topic) {
        match topic {
            // Which chains there are is found out by the task that watches them.
            Topic::Chains => {}
            Topic::Settlements => self.mark_key(StateKey::Settlements),
            Topic::Account(token, account) => self.mark_key(StateKey::Account(*token, *account)),
        }
    }

    /// Has every state that is followed read again.
    pub(super) fn mark_all(&mut self) {
        let topics: Vec<Topic> = self.followers.keys().copied().collect();
        topics.iter().for_each(|topic| self.mark_topic(topic));
        let known: Vec<StateKey> = self.states.keys().copied().collect();
        known.into_iter().for_each(|key| self.mark_key(key));
    }

    fn mark_accounts(&mut self, is_meant: impl Fn(&TokenId) -> bool, chain: ChainId) {
        let first = TokenId { chain, address: Address::ZERO };
        let lowest = Account::new(Address::with_last_byte(1)).expect("it is not zero");
        let accounts = self.followers.range(Topic::Account(first, lowest)..);
        let accounts = accounts.map_while(|(topic, _)| match topic {
            Topic::Account(token, account) if token.chain == chain => Some((*token, *account)),
            _ => None,
        });
        let meant: Vec<_> = accounts.filter(|(token, _)| is_meant(token)).collect();
        meant
            .into_iter()
            .for_each(|(token, account)| self.mark_key(StateKey::Account(token, account)));
    }

    /// Has a state read again, if anyone follows it.
    pub(super) fn mark_key(&mut self, key: StateKey) {
        if self.is_followed(&key.topic()) && self.is_due.insert(key) {
            self.due.push_back(key);
        }
    }

    /// The next state to be read, which nobody reads at present. It is under way until [`Self::publish`] or
    /// [`Self::postpone`].
    pub(super) fn begin_read(&mut self) -> Option<StateKey> {
        for _ in 0..self.due.len() {
            let key = self.due.pop_front()?;
            if self.under_way.contains(&key) {
                self.due.push_back(key);
                continue;
            }
            self.is_due.remove(&key);
            if self.is_followed(&key.topic()) {
                self.under_way.insert(key);
                return Some(key);
            }
        }
        None
    }

    /// A state was read: its readers get it unless they have it. Returns those who have to go.
    pub(super) fn publish(&mut self, key: StateKey, texts: Texts) -> Vec<Arc<Reader>> {
        self.under_way.remove(&key);
        if !self.is_followed(&key.topic()) || self.states.get(&key) == Some(&texts) {
            return Vec::new();
        }
        let full = self.followers(&[key.topic()]);
        let full = full.into_iter().filter(|reader| reader.put_state(key, &texts)).collect();
        self.states.insert(key, texts);
        full
    }

    /// A state could not be read: it is due again once [`Self::retry`] is called.
    pub(super) fn postpone(&mut self, key: StateKey) {
        self.under_way.remove(&key);
        self.postponed.insert(key);
    }

    /// What could not be read is due again.
    pub(super) fn retry(&mut self) {
        std::mem::take(&mut self.postponed).into_iter().for_each(|key| self.mark_key(key));
    }

    /// The chains whose state is known.
    pub(super) fn known_chains(&self) -> impl Iterator<Item = ChainId> {
        self.states.keys().filter_map(|key| match key {
            StateKey::Chain(chain) => Some(*chain),
            _ => None,
        })
    }

    /// Whether a state waits to be read.
    pub(super) fn has_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// The number of topics that anyone follows.
    pub(super) fn topics(&self) -> usize {
        self.followers.len()
    }
}

/// The known states of a topic.
fn of_topic<'a>(
    states: &'a BTreeMap<StateKey, Texts>,
    topic: &Topic,
) -> impl Iterator<Item = (StateKey, &'a Texts)> {
    let (low, high) = match *topic {
        Topic::Chains => {
            (StateKey::Chain(ChainId::new(0)), StateKey::Chain(ChainId::new(u64::MAX)))
        }
        Topic::Settlements => (StateKey::Settlements, StateKey::Settlements),
        Topic::Account(token, account) => {
            (StateKey::Account(token, account), StateKey::Account(token, account))
        }
    };
    states.range(low..=high).map(|(key, texts)| (*key, texts))
}
