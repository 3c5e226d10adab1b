//! The columns of a stream log, each little-endian bytes, oldest row first.

/// What an event's two numbers mean; the numbers of the codes are part of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// `a`: the amount, 0 to 255
    Boost = 0,
    /// `a`: 1 while pulled
    Handbrake = 1,
    /// `a`: the life that this one belongs to
    Owner = 2,
    /// `a`: the life of the team's actor
    Team = 3,
    /// `a`: the car's life, `b`: the state as it stands in the file
    Pickup = 4,
    /// `a`: the team's number
    Hit = 5,
    /// `a`: whole seconds until the match goes on
    Wait = 6,
    /// `a`: index into the names
    State = 7,
    /// `a`: whole seconds on the scoreboard's clock
    Clock = 8,
    /// `a`: 1 in overtime
    Overtime = 9,
    /// `a`: the team's goals
    Score = 10,
    /// `a`: the attacker's life, `b`: the victim's
    Demolish = 11,
    /// `a`: the count, `b`: index into the tallies
    Tally = 12,
}

/// The last report of an attribute that is remembered as it came; not-finite numbers are `None`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Flag(bool),
    Int(i64),
    Real(Option<f32>),
    Text(String),
    /// Fov, height, distance, pitch, stiffness, swivel speed, transition speed.
    Camera([Option<f32>; 7]),
    /// The car bodies for blue and orange.
    Bodies(u32, u32),
    Account {
        platform: &'static str,
        id: String,
        online_name: String,
        player_number: u8,
    },
}

/// Rows of one number type, encoded as they are appended.
#[derive(Debug, Default, PartialEq)]
pub struct Column(pub Vec<u8>);

impl Column {
    pub fn push_i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn push_f32(&mut self, value: f32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn push_u8(&mut self, value: u8) {
        self.0.push(value);
    }
}

impl FromIterator<i32> for Column {
    fn from_iter<I: IntoIterator<Item = i32>>(values: I) -> Self {
        let mut column = Column::default();
        values.into_iter().for_each(|value| column.push_i32(value));
        column
    }
}

/// What a whole network stream says, without judgement.
#[derive(Debug, Default, PartialEq)]
pub struct Log {
    pub net_version: Option<i32>,
    pub frame_count: i32,
    pub time_s: Column,
    pub delta_s: Column,
    pub keyframe: Column,
    pub kinds: Vec<String>,
    pub life_kind: Column,
    pub life_first: Column,
    pub life_end: Column,
    pub body_frame: Column,
    pub body_life: Column,
    pub body_sleeping: Column,
    pub body_position: Column,
    pub body_velocity: Column,
    pub event_frame: Column,
    pub event_life: Column,
    pub event_code: Column,
    pub event_a: Column,
    pub event_b: Column,
    pub names: Vec<String>,
    pub values: Vec<(i32, &'static str, Value)>,
    pub debug_rows: Vec<(String, String)>,
}
