#include <weft/actors/actor_error.hpp>

#include <utility>

namespace weft::actors {
namespace {

Error of_caf(ErrorClass kind, const caf::error& error) { return {kind, "message", "CAF: " + caf::to_string(error)}; }

template <class Code>
bool is(const caf::error& error, Code code) {
  return error == caf::make_error(code);
}

}  // namespace

Error error_of(const caf::error& error) {
  if (error == caf::none) return {ErrorClass::kInternal, "message", "no error: there is nothing to tell"};
  if (error.context().match_elements<Failure>()) return error.context().get_as<Failure>(0).error;
  if (is(error, caf::sec::request_timeout)) return of_caf(ErrorClass::kDeadlineExceeded, error);
  auto ended = Error(ErrorClass::kShuttingDown, "message", "that actor has ended: " + caf::to_string(error))
                   .with_hint("spawn another one for the node");
  if (is(error, caf::sec::request_receiver_down) || is(error, caf::sec::invalid_argument)) return ended;
  for (const auto reason : {caf::exit_reason::normal, caf::exit_reason::user_shutdown, caf::exit_reason::kill,
                            caf::exit_reason::unreachable})
    if (is(error, reason)) return ended;
  return of_caf(ErrorClass::kInternal, error);
}

caf::error to_caf(Error error) {
  const auto code = static_cast<FailureCode>(1 + static_cast<std::uint8_t>(error.kind()));
  return {code, caf::make_message(Failure{std::move(error)})};
}

}  // namespace weft::actors
