#pragma once

/// The one place where Weft meets CAF's spelling, which differs between 0.17 (Debian, Ubuntu) and 1.x.
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
