//! What was said so far.

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Who said it.
    pub role: Role,
    /// What.
    pub text: String,
}

/// The turns of a session, oldest first, alternating, beginning with the person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    turns: Vec<Turn>,
}

impl Conversation {
    /// Adds a prompt. An unanswered one before it is replaced: providers refuse two prompts in a row.
    pub fn ask(&mut self, text: &str) {
        self.take_back();
        self.turns.push(Turn { role: Role::User, text: text.to_owned() });
    }

    /// Adds what was answered, also if it broke off; nothing at all takes the prompt back.
    pub fn answer(&mut self, text: &str) {
        if text.trim().is_empty() {
            self.take_back();
        } else {
            self.turns.push(Turn { role: Role::Assistant, text: text.to_owned() });
        }
    }

    /// Takes back a prompt that got no answer.
    pub fn take_back(&mut self) {
        if self.turns.last().is_some_and(|t| t.role == Role::User) {
            self.turns.pop();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.turns.clear();
    }

    /// Returns the turns.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }
}
