//! What the reports of an attribute mean to the log, by the attribute's name after the colon.

use crate::log::{Code, Value};
use boxcars::{Attribute, RemoteId, UniqueId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Nothing,
    Body,
    Event(Code),
    Remembered(&'static str),
    /// One of the game's own counts of a player, by its place among `TALLIES`.
    Tally(i32),
}

/// Attributes whose last report is kept as it came.
const REMEMBERED: [&str; 17] = [
    "CameraSettings",
    "ClientLoadout",
    "ClientLoadouts",
    "CustomTeamName",
    "MatchGUID",
    "MatchGuid",
    "MatchScore",
    "MatchStartEpoch",
    "MaxTeamSize",
    "PlayerName",
    "ProfileSettings",
    "ReplicatedGamePlaylist",
    "ReplicatedServerRegion",
    "ServerName",
    "SteeringSensitivity",
    "UniqueId",
    "bBot",
];

/// Counts whose every report is an event; their places are part of the layout.
const TALLIES: [&str; 21] = [
    "MatchGoals",
    "MatchAssists",
    "MatchSaves",
    "MatchShots",
    "MatchDemolishes",
    "MatchTimesDemolished",
    "MatchEpicSaves",
    "MatchClears",
    "MatchCenters",
    "MatchAerialHits",
    "MatchFirstTouches",
    "MatchCrossbarHits",
    "MatchBicycleHits",
    "MatchJuggleHits",
    "MatchFlipResets",
    "MatchHighFives",
    "MatchLowFives",
    "MatchPoolShots",
    "BallTouches",
    "CarTouches",
    "BoostPickups",
];

impl Meaning {
    pub fn of(attribute: &str) -> Meaning {
        let name = attribute.rsplit(':').next().unwrap_or_default();
        if let Some(&known) = REMEMBERED.iter().find(|&&known| known == name) {
            return Meaning::Remembered(known);
        }
        if let Some(place) = TALLIES.iter().position(|&known| known == name) {
            return Meaning::Tally(place as i32);
        }
        let code = match name {
            "ReplicatedRBState" => return Meaning::Body,
            // players and other things have scores of their own
            "Score" if attribute == "Engine.TeamInfo:Score" => Code::Score,
            "ReplicatedBoost" | "ReplicatedBoostAmount" => Code::Boost,
            "bReplicatedHandbrake" => Code::Handbrake,
            "PRI" | "PlayerReplicationInfo" | "Vehicle" => Code::Owner,
            "Team" => Code::Team,
            "NewReplicatedPickupData" | "ReplicatedPickupData" => Code::Pickup,
            "HitTeamNum" => Code::Hit,
            "ReplicatedGameStateTimeRemaining" => Code::Wait,
            "ReplicatedStateName" => Code::State,
            "SecondsRemaining" => Code::Clock,
            "bOverTime" => Code::Overtime,
            "ReplicatedDemolish" | "ReplicatedDemolishExtended" | "ReplicatedDemolish_CustomFX" => {
                Code::Demolish
            }
            _ => return Meaning::Nothing,
        };
        Meaning::Event(code)
    }
}

impl Value {
    /// Keep what is needed of a report; `None` for a form that no remembered attribute has.
    pub fn of(report: Attribute) -> Option<Value> {
        Some(match report {
            Attribute::Boolean(flag) => Value::Flag(flag),
            Attribute::Int(number) => Value::Int(number.into()),
            Attribute::Int64(number) => Value::Int(number),
            Attribute::Float(number) => Value::Real(finite(number)),
            Attribute::String(text) => Value::Text(text),
            Attribute::Loadout(chosen) => Value::Bodies(chosen.body, chosen.body),
            Attribute::TeamLoadout(both) => Value::Bodies(both.blue.body, both.orange.body),
            Attribute::CamSettings(camera) => Value::Camera([
                finite(camera.fov),
                finite(camera.height),
                finite(camera.distance),
                finite(camera.angle),
                finite(camera.stiffness),
                finite(camera.swivel),
                camera.transition.and_then(finite),
            ]),
            Attribute::UniqueId(id) => account(*id)?,
            _ => return None,
        })
    }
}

fn account(unique_id: UniqueId) -> Option<Value> {
    let (platform, id, online_name) = match unique_id.remote_id {
        RemoteId::PlayStation(account) => {
            ("playstation", account.online_id.to_string(), account.name)
        }
        RemoteId::PsyNet(account) => ("psynet", account.online_id.to_string(), String::new()),
        RemoteId::SplitScreen(number) => ("splitscreen", number.to_string(), String::new()),
        RemoteId::Steam(number) => ("steam", number.to_string(), String::new()),
        RemoteId::Switch(account) => ("switch", account.online_id.to_string(), String::new()),
        RemoteId::Xbox(number) => ("xbox", number.to_string(), String::new()),
        RemoteId::QQ(number) => ("qq", number.to_string(), String::new()),
        RemoteId::Epic(id) => ("epic", id, String::new()),
        _ => return None,
    };
    Some(Value::Account { platform, id, online_name, player_number: unique_id.local_id })
}

fn finite(number: f32) -> Option<f32> {
    number.is_finite().then_some(number)
}
