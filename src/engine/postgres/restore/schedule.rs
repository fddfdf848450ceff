//! A small scheduler: tasks with prerequisites and relations they lock, run by a few workers,
//! those with the longest way to the end first.
//!
//! Pure: it says what may start next; the caller runs it.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};

/// Number of a task.
pub(super) type TaskId = usize;

/// A task as the scheduler sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Estimated cost, in any unit.
    pub cost: u64,
    /// Tasks that must be done first.
    pub after: Vec<TaskId>,
    /// Relations that nothing else may work on at the same time.
    pub exclusive: Vec<u32>,
    /// Relations that others may share (two `CREATE INDEX` on one table).
    pub shared: Vec<u32>,
}

/// The state of a set of tasks.
#[derive(Debug)]
pub(super) struct Schedule {
    nodes: Vec<Node>,
    /// Cost of the longest chain that begins with a task.
    urgency: Vec<u64>,
    /// How many prerequisites of a task are not done yet.
    missing: Vec<usize>,
    /// The tasks that wait for a task.
    dependents: Vec<Vec<TaskId>>,
    /// Tasks whose prerequisites are done, the most urgent first.
    ready: BTreeSet<(Reverse<u64>, TaskId)>,
    running: HashSet<TaskId>,
    left: usize,
}

impl Schedule {
    /// Takes the tasks. Tasks that wait for each other in a circle never become ready, see
    /// [`Schedule::stuck`].
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let urgency = urgencies(&nodes);
        let mut dependents = vec![Vec::new(); nodes.len()];
        for (task, node) in nodes.iter().enumerate() {
            for before in &node.after {
                dependents[*before].push(task);
            }
        }
        let missing: Vec<usize> = nodes.iter().map(|node| node.after.len()).collect();
        let ready = (0..nodes.len())
            .filter(|task| missing[*task] == 0)
            .map(|task| (Reverse(urgency[task]), task))
            .collect();
        Self {
            left: nodes.len(),
            nodes,
            urgency,
            missing,
            dependents,
            ready,
            running: HashSet::new(),
        }
    }

    /// Takes the most urgent task that may start now.
    pub(super) fn start_next(&mut self) -> Option<TaskId> {
        let next = *self.ready.iter().find(|(_, task)| self.is_free(*task))?;
        self.ready.remove(&next);
        self.running.insert(next.1);
        Some(next.1)
    }

    /// A running task is done.
    pub(super) fn finish(&mut self, task: TaskId) {
        self.running.remove(&task);
        self.left -= 1;
        for dependent in &self.dependents[task] {
            self.missing[*dependent] -= 1;
            if self.missing[*dependent] == 0 {
                self.ready
                    .insert((Reverse(self.urgency[*dependent]), *dependent));
            }
        }
    }

    /// True when every task is done.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// True when nothing runs and nothing can start: the tasks wait for each other.
    pub(super) fn stuck(&self) -> bool {
        self.running.is_empty() && self.ready.is_empty() && self.left > 0
    }

    /// True if no running task works on the same relations.
    fn is_free(&self, task: TaskId) -> bool {
        let node = &self.nodes[task];
        self.running
            .iter()
            .all(|other| !conflict(node, &self.nodes[*other]))
    }
}

fn conflict(a: &Node, b: &Node) -> bool {
    let hits = |exclusive: &[u32], other: &Node| {
        exclusive
            .iter()
            .any(|relation| other.exclusive.contains(relation) || other.shared.contains(relation))
    };
    hits(&a.exclusive, b) || hits(&b.exclusive, a)
}

/// Longest chain of costs from each task to the end, by passing costs backwards until nothing
/// changes; a circle ends after as many rounds as there are tasks.
fn urgencies(nodes: &[Node]) -> Vec<u64> {
    let mut urgency: Vec<u64> = nodes.iter().map(|node| node.cost).collect();
    for _ in 0..nodes.len() {
        let mut changed = false;
        for (task, node) in nodes.iter().enumerate() {
            for before in &node.after {
                let through = nodes[*before].cost.saturating_add(urgency[task]);
                if through > urgency[*before] {
                    urgency[*before] = through;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    urgency
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(cost: u64, after: &[TaskId]) -> Node {
        Node {
            cost,
            after: after.to_vec(),
            ..Node::default()
        }
    }

    #[test]
    fn the_longest_chain_goes_first() {
        let mut schedule = Schedule::new(vec![node(5, &[]), node(1, &[]), node(10, &[1])]);
        assert_eq!(schedule.start_next(), Some(1));
        assert_eq!(schedule.start_next(), Some(0));
        assert_eq!(schedule.start_next(), None);
        schedule.finish(1);
        assert_eq!(schedule.start_next(), Some(2));
        schedule.finish(0);
        schedule.finish(2);
        assert!(schedule.is_over());
    }

    #[test]
    fn exclusive_work_waits_for_shared_work_on_the_same_relation() {
        let index = Node {
            cost: 9,
            shared: vec![7],
            ..Node::default()
        };
        let key = Node {
            cost: 5,
            exclusive: vec![7],
            ..Node::default()
        };
        let mut schedule = Schedule::new(vec![index.clone(), index, key]);
        assert_eq!(schedule.start_next(), Some(0));
        assert_eq!(schedule.start_next(), Some(1));
        assert_eq!(schedule.start_next(), None);
        schedule.finish(0);
        assert_eq!(schedule.start_next(), None);
        schedule.finish(1);
        assert_eq!(schedule.start_next(), Some(2));
    }

    #[test]
    fn tasks_that_wait_for_each_other_are_found() {
        let schedule = Schedule::new(vec![node(1, &[1]), node(1, &[0])]);
        assert!(schedule.stuck());
    }
}
