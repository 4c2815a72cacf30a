//! What happens outside of the processes.

use super::dice::Dice;
use super::swarm::Weather;

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Mine,
    Fork,
    DeepFork,
    Retime,
    Rebirth,
    Shrink,
    Undo,
    ShowHead,
    Finality,
    People,
    Clock,
    Cut,
    View,
    Old,
    Torn,
}

impl Event {
    /// One of them, as often as the weather has it.
    pub(super) fn draw(dice: &mut Dice, weather: &Weather) -> Self {
        dice.pick(&[
            (weather.mine, Self::Mine),
            (weather.fork, Self::Fork),
            (weather.deep_fork, Self::DeepFork),
            (weather.retime, Self::Retime),
            (weather.rebirth, Self::Rebirth),
            (weather.shrink, Self::Shrink),
            (weather.undo, Self::Undo),
            (weather.show_head, Self::ShowHead),
            (weather.finality, Self::Finality),
            (weather.people, Self::People),
            (weather.clock, Self::Clock),
            (weather.cut, Self::Cut),
            (weather.view, Self::View),
            (weather.old, Self::Old),
            (weather.torn, Self::Torn),
        ])
    }
}
