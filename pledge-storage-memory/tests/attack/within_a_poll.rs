//! What another instance does between a read and a write of one poll.

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

/// At each question of one poll another instance does something; afterwards all is as on the chain.
#[tokio::test]
async fn what_another_instance_does_within_a_poll_is_never_mixed_into_it() {
    use Meanwhile::*;
    let all = [OtherMoves, OtherForks, OtherForksAndMoves, OperatorRewinds, Pauses, Registers];
    for meanwhile in all {
        for question in 0..14 {
            let mut world = world().await;
            let (pool, late) = (contract("pool", POOL, 1), contract("late", POOL, 9));
            follow(&world, &pool).await;
            mine_to(&world, 30);
            world.index().await;
            mine_to(&world, 45);
            let source = Bent::new(&world.chain);
            let fixture = world.fixture.clone();
            let other_source = Arc::new(world.chain.clone());
            let mut other =
                indexer(other_source, fixture.balances.clone(), Some(fixture.logs.clone()));
            let chain = world.chain.clone();
            let spec = late.clone();
            let balances = fixture.balances.clone();
            let logs = fixture.logs.clone();
            let act = move || match meanwhile {
                OtherMoves => drop(ready(other.poll(NOW))),
                OtherForks | OtherForksAndMoves => {
                    chain.fork_at(20);
                    for next in 21..50 {
                        chain.mine(at(next * 60), &[]);
                    }
                    drop(ready(other.poll(NOW)));
                    if matches!(meanwhile, OtherForksAndMoves) {
                        for _ in 0..5 {
                            drop(ready(other.poll(NOW)));
                        }
                    }
                }
                OperatorRewinds => {
                    ready(other.rewind_to(n(12), None)).unwrap();
                }
                Pauses => {
                    let status = ChainStatus::Paused(None);
                    let report = ChainReport {
                        chain: CHAIN,
                        status,
                        head: None,
                        head_time: None,
                        processed: None,
                    };
                    ready(balances.report_chain(&report)).unwrap();
                }
                Registers => {
                    ready(logs.register_contract(&spec)).unwrap();
                }
            };
            *source.hook.lock().unwrap() = Some((question, Box::new(act)));
            world.indexer = indexer(source.clone(), fixture.balances.clone(), Some(fixture.logs));
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
                fixture.balances.resume_chain(CHAIN).await.unwrap();
            }
            world.index().await;
            let mut all = vec![&pool];
            if matches!(meanwhile, Registers) {
                all.push(&late);
            }
            assert_as_the_chain(&world, &all).await;
        }
    }
}
