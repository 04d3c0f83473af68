#include <rdma/fabric.h>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/completion.hpp>
#include <weft/fabric/variant_utils.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("a completion is asked, or visited, by its kind", "[fabric][O-40][O-56]") {
  const Completion done = CompletionData{nullptr, FI_RMA | FI_REMOTE_WRITE | FI_REMOTE_CQ_DATA, 0, 17};
  CHECK(done.is_data_entry());
  CHECK_FALSE(done.is_err_entry());
  REQUIRE(done.data());
  CHECK((*done.data())->is_remote_write());
  CHECK_FALSE((*done.data())->is_local_write());
  CHECK((*done.data())->data() == 17u);
  CHECK(done.err().error().kind() == ErrorClass::kInvalidArgument);

  const Completion failed = CompletionError{nullptr, ECANCELED, 7, "flushed"};
  CHECK(failed.is_err_entry());
  CHECK(failed.data().error().kind() == ErrorClass::kInvalidArgument);
  REQUIRE(failed.err());
  CHECK((*failed.err())->to_error("write").kind() == ErrorClass::kCancelled);
  CHECK((*failed.err())->to_error("write").native_code() == ECANCELED);
  const auto visit = overloaded{[](const Completion::Data&) { return 0; },
                                [](const Completion::Error& error) { return error.provider_code(); }};
  CHECK(std::visit(visit, done) == 0);
  CHECK(std::visit(visit, failed) == 7);
}

TEST_CASE("immediate data is there only when the peer sent some", "[fabric][O-40]") {
  CHECK_FALSE(CompletionData(nullptr, FI_RMA | FI_WRITE, 0, 5).data());
  CHECK(CompletionData(nullptr, FI_RMA | FI_WRITE, 0, 5).is_local_write());
  CHECK(CompletionData(nullptr, FI_REMOTE_CQ_DATA | FI_RECV, 0, 0).data() == 0u);
}
