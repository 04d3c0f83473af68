#include <weft/nodes/c/instance.hpp>

#include <weft/nodes/c/boundary.hpp>
#include <weft/nodes/c/json_options.hpp>
#include <weft/nodes/trust.hpp>

using namespace weft::c;

namespace {

Outcome<NodeChoices> read_choices(const char* text) {
  WEFT_C_LET(JsonOptions options, JsonOptions::parse(text));
  NodeChoices choices;
  WEFT_C_LET(const auto identity, options.text("identity"));
  if (identity) choices.identity = *identity;
  WEFT_C_LET(choices.trust, options.texts("trust"));
  WEFT_C_TRY(options.done());
  WEFT_C_TRY(weft::Trust::parse(choices.trust));
  return choices;
}

}  // namespace

weftInstance weftCreateInstance(const char* in_domain, const char* in_options) {
  weftInstance instance = nullptr;
  guarded("weftCreateInstance", [&]() -> Outcome<void> {
    WEFT_C_LET(NodeChoices choices, read_choices(in_options));
    WEFT_C_LET(Domain domain, Domain::open(in_domain));
    auto made = std::make_shared<Instance>(std::move(domain), std::move(choices));
    return give(HandleTable::instance().add(std::move(made)), &instance);
  });
  return instance;
}

weftStatus weftDestroyInstance(weftInstance in_instance) {
  return guarded("weftDestroyInstance", [&] { return HandleTable::instance().destroy<Instance>(in_instance); });
}
