//! What another instance does between a read and a write of one poll.

use Meanwhile::*;

use super::*;

#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    OtherMoves,
    OtherForks,
    OtherForksAndMoves,
    OperatorRewinds,
    Pauses,
    Registers,
}

/// An instance next to the one that polls.
struct Other {
    indexer: Indexer,
    chain: ScriptedChain,
    fixture: Fixture,
}

impl Other {
    fn of(world: &World) -> Self {
        let Fixture { balances, logs, .. } = world.fixture.clone();
        let indexer = indexer(Arc::new(world.chain.clone()), balances, Some(logs));
        Self { indexer, chain: world.chain.clone(), fixture: world.fixture.clone() }
    }

    fn act(&mut self, meanwhile: Meanwhile, late: &ContractSpec) {
        match meanwhile {
            OtherMoves => self.poll(1),
            OtherForks => self.fork_and_poll(1),
            OtherForksAndMoves => self.fork_and_poll(6),
            OperatorRewinds => {
                ready(self.indexer.rewind_to(n(12), &operator())).unwrap();
            }
            Pauses => {
                ready(self.fixture.balances.pause_chain(CHAIN, &operator())).unwrap();
            }
            Registers => {
                ready(self.fixture.logs.register_contract(late)).unwrap();
            }
        }
    }

    fn fork_and_poll(&mut self, times: usize) {
        self.chain.fork_at(20);
        for next in 21..50 {
            self.chain.mine(at(next * 60), &[]);
        }
        self.poll(times);
    }

    fn poll(&mut self, times: usize) {
        for _ in 0..times {
            drop(ready(self.indexer.poll(NOW)));
        }
    }
}

/// At each question of one poll another instance does something; afterwards all is as on the chain.
#[tokio::test]
async fn what_another_instance_does_within_a_poll_is_never_mixed_into_it() {
    let all = [OtherMoves, OtherForks, OtherForksAndMoves, OperatorRewinds, Pauses, Registers];
    for meanwhile in all {
        for question in 0..14 {
            acts_at_a_question(meanwhile, question).await;
        }
    }
}

async fn acts_at_a_question(meanwhile: Meanwhile, question: usize) {
    let mut world = world().await;
    let (pool, late) = (contract("pool", POOL, 1), contract("late", POOL, 9));
    follow(&world, &pool).await;
    mine_to(&world, 30);
    world.index().await;
    mine_to(&world, 45);
    let source = Bent::new(&world.chain);
    let (mut other, spec) = (Other::of(&world), late.clone());
    let act = move || other.act(meanwhile, &spec);
    *source.hook.lock().unwrap() = Some((question, Box::new(act)));
    let Fixture { balances, logs, .. } = world.fixture.clone();
    world.indexer = indexer(source.clone(), balances.clone(), Some(logs));
    let mut stopped = false;
    for _ in 0..60 {
        stopped |= matches!(world.indexer.poll(NOW).await, Poll::Stopped(_));
        if stopped {
            break;
        }
    }
    let context = format!("{meanwhile:?} at question {question}");
    assert!(source.hook.lock().unwrap().is_none(), "{context} was not reached");
    assert_eq!(stopped, matches!(meanwhile, Pauses), "{context}");
    if stopped {
        assert_eq!(world.status().await, ChainStatus::Paused(None), "{context}");
        resume_chain(&*balances, CHAIN).await.unwrap();
    }
    world.index().await;
    let mut all = vec![&pool];
    if matches!(meanwhile, Registers) {
        all.push(&late);
    }
    assert_as_the_chain(&world, &all).await;
}
