//! One pass over the frames that boxcars decoded.

use crate::log::{Code, Column, Log, Value};
use crate::meaning::Meaning;
use boxcars::{ActorId, Attribute, Frame, ParserBuilder, Vector3f};
use fnv::FnvHashMap;

/// Stands for "nobody" where a life is meant.
const NOBODY: i32 = -1;

/// Read the network stream of a whole replay file.
///
/// The error is boxcars' sentence, with the frame and attribute in it where they are known.
pub fn read(data: &[u8]) -> Result<Log, String> {
    let replay = ParserBuilder::new(data)
        .must_parse_network_data()
        .on_error_check_crc()
        .parse()
        .map_err(|error| error.to_string())?;
    let frames = replay.network_frames.map(|network| network.frames).unwrap_or_default();
    let mut reader = Reader::new(&replay.objects);
    for frame in frames {
        reader.read(frame)?;
    }
    let mut log = reader.finish();
    log.net_version = replay.net_version;
    log.keyframe = replay.keyframes.iter().map(|row| row.frame).collect();
    log.names = replay.names;
    log.debug_rows = replay.debug_info.into_iter().map(|row| (row.user, row.text)).collect();
    Ok(log)
}

/// One life of an actor id: from its creation to its deletion or replacement.
struct Life {
    kind: i32,
    first: i32,
    end: i32,
}

struct Reader<'a> {
    objects: &'a [String],
    meanings: Vec<Meaning>,
    kinds: FnvHashMap<&'a str, i32>,
    lives: Vec<Life>,
    alive: FnvHashMap<ActorId, i32>,
    values: FnvHashMap<(i32, &'static str), Value>,
    log: Log,
}

impl<'a> Reader<'a> {
    fn new(objects: &'a [String]) -> Self {
        Reader {
            objects,
            meanings: objects.iter().map(|name| Meaning::of(name)).collect(),
            kinds: FnvHashMap::default(),
            lives: Vec::new(),
            alive: FnvHashMap::default(),
            values: FnvHashMap::default(),
            log: Log::default(),
        }
    }

    fn read(&mut self, frame: Frame) -> Result<(), String> {
        self.log.time_s.push_f32(frame.time);
        self.log.delta_s.push_f32(frame.delta);
        for actor in frame.deleted_actors {
            if let Some(life) = self.alive.remove(&actor) {
                self.end(life);
            }
        }
        for new in frame.new_actors {
            self.enter(new.actor_id, new.object_id.into())?;
        }
        for update in frame.updated_actors {
            let object = usize::from(update.object_id);
            let meaning = self.meanings.get(object).copied().unwrap_or(Meaning::Nothing);
            if meaning == Meaning::Nothing {
                continue;
            }
            let Some(&life) = self.alive.get(&update.actor_id) else { continue };
            self.report(life, meaning, update.attribute).ok_or_else(|| {
                format!("the form of attribute {} is unknown", self.objects[object])
            })?;
        }
        self.log.frame_count += 1;
        Ok(())
    }

    /// Start a life; the same kind under a living id is a key frame's repetition.
    fn enter(&mut self, actor: ActorId, object: usize) -> Result<(), String> {
        let name = self.objects.get(object).ok_or("an actor is of no known object")?;
        let next = self.kinds.len() as i32;
        let kind = *self.kinds.entry(name).or_insert(next);
        if let Some(&known) = self.alive.get(&actor) {
            if self.lives[known as usize].kind == kind {
                return Ok(());
            }
            self.end(known);
        }
        self.alive.insert(actor, self.lives.len() as i32);
        self.lives.push(Life { kind, first: self.log.frame_count, end: NOBODY });
        Ok(())
    }

    fn end(&mut self, life: i32) {
        self.lives[life as usize].end = self.log.frame_count;
    }

    fn who(&self, actor: ActorId) -> i32 {
        self.alive.get(&actor).copied().unwrap_or(NOBODY)
    }

    /// Log an update; `None` for a form that the attribute never had.
    fn report(&mut self, life: i32, meaning: Meaning, report: Attribute) -> Option<()> {
        let (code, (a, b)) = match meaning {
            Meaning::Nothing => return Some(()),
            Meaning::Remembered(name) => {
                self.values.insert((life, name), Value::of(report)?);
                return Some(());
            }
            Meaning::Body => return self.body(life, report),
            Meaning::Event(code) => (code, self.numbers(code, report)?),
            Meaning::Tally(place) => {
                let Attribute::Int(count) = report else { return None };
                (Code::Tally, (count, place))
            }
        };
        self.log.event_frame.push_i32(self.log.frame_count);
        self.log.event_life.push_i32(life);
        self.log.event_code.push_u8(code as u8);
        self.log.event_a.push_i32(a);
        self.log.event_b.push_i32(b);
        Some(())
    }

    fn body(&mut self, life: i32, report: Attribute) -> Option<()> {
        let Attribute::RigidBody(body) = report else { return None };
        self.log.body_frame.push_i32(self.log.frame_count);
        self.log.body_life.push_i32(life);
        self.log.body_sleeping.push_u8(body.sleeping.into());
        push_vector(&mut self.log.body_position, body.location);
        let still = Vector3f { x: 0.0, y: 0.0, z: 0.0 };
        push_vector(&mut self.log.body_velocity, body.linear_velocity.unwrap_or(still));
        Some(())
    }

    fn numbers(&self, code: Code, report: Attribute) -> Option<(i32, i32)> {
        Some(match (code, report) {
            (Code::Boost | Code::Hit, Attribute::Byte(number)) => (number.into(), 0),
            (Code::Boost, Attribute::ReplicatedBoost(boost)) => (boost.boost_amount.into(), 0),
            (Code::Handbrake | Code::Overtime, Attribute::Boolean(on)) => (on.into(), 0),
            (Code::Wait | Code::State | Code::Clock | Code::Score, Attribute::Int(number)) => {
                (number, 0)
            }
            (Code::Owner | Code::Team, Attribute::ActiveActor(other)) => (self.who(other.actor), 0),
            (Code::Pickup, Attribute::Pickup(pickup)) => {
                (self.instigator(pickup.instigator), pickup.picked_up.into())
            }
            (Code::Pickup, Attribute::PickupNew(pickup)) => {
                (self.instigator(pickup.instigator), pickup.picked_up.into())
            }
            (Code::Demolish, Attribute::Demolish(both)) => {
                (self.who(both.attacker), self.who(both.victim))
            }
            (Code::Demolish, Attribute::DemolishFx(both)) => {
                (self.who(both.attacker), self.who(both.victim))
            }
            (Code::Demolish, Attribute::DemolishExtended(both)) => {
                (self.who(both.attacker.actor), self.who(both.victim.actor))
            }
            _ => return None,
        })
    }

    fn instigator(&self, car: Option<ActorId>) -> i32 {
        car.map_or(NOBODY, |actor| self.who(actor))
    }

    fn finish(mut self) -> Log {
        self.log.life_kind = self.lives.iter().map(|life| life.kind).collect();
        self.log.life_first = self.lives.iter().map(|life| life.first).collect();
        self.log.life_end = self.lives.iter().map(|life| life.end).collect();
        let mut kinds: Vec<_> = self.kinds.into_iter().collect();
        kinds.sort_unstable_by_key(|&(_, index)| index);
        self.log.kinds = kinds.into_iter().map(|(name, _)| name.to_owned()).collect();
        self.log.values =
            self.values.into_iter().map(|((life, name), value)| (life, name, value)).collect();
        self.log.values.sort_unstable_by_key(|&(life, name, _)| (life, name));
        self.log
    }
}

fn push_vector(column: &mut Column, vector: Vector3f) {
    column.push_f32(vector.x);
    column.push_f32(vector.y);
    column.push_f32(vector.z);
}
