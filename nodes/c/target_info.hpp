#pragma once

#include <utility>

#include <weft/nodes/c/handle_table.hpp>
#include <weft/nodes/grains.hpp>

namespace weft::c {

/// Behind a weftTargetInfo. Immutable; any thread.
class InfoObject final : public Object {
 public:
  static constexpr const char* kNoun = "target info";
  explicit InfoObject(TargetInfo info) : info(std::move(info)) {}
  const TargetInfo info;
};

}  // namespace weft::c
