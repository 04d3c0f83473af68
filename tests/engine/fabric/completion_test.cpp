#include <rdma/fabric.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <catch2/catch_test_macros.hpp>

#include <weft/fabric/completion.hpp>
#include <weft/fabric/variant_utils.hpp>

using namespace weft;
using namespace weft::fabric;

TEST_CASE("a completion is asked, or visited, by its kind", "[fabric][O-40][O-56]") {
  const Completion done = CompletionData{nullptr, FI_RMA | FI_REMOTE_WRITE | FI_REMOTE_CQ_DATA, 0, 17};
  CHECK(done.is_data_entry());
  CHECK_FALSE(done.is_err_entry());
  CHECK(done.data().is_remote_write());
  CHECK_FALSE(done.data().is_local_write());
  CHECK(done.data().data() == 17u);
  CHECK(done.try_err() == nullptr);

  const Completion failed = CompletionError{nullptr, ECANCELED, 7, "flushed"};
  CHECK(failed.is_err_entry());
  CHECK(failed.try_data() == nullptr);
  CHECK(failed.err().to_error("write").kind() == ErrorClass::kCancelled);
  CHECK(failed.err().to_error("write").native_code() == ECANCELED);
  const Completion copy = failed;
  CHECK(copy.err().to_string() == failed.err().to_string());
  const auto visit = overloaded{[](const Completion::Data&) { return 0; },
                                [](const Completion::Error& error) { return error.provider_code(); }};
  CHECK(std::visit(visit, done) == 0);
  CHECK(std::visit(visit, failed) == 7);
}

TEST_CASE("asking a completion for what it is not ends the process and says why", "[fabric][O-40]") {
  const Completion failed = CompletionError{nullptr, ECANCELED, 7, "flushed"};
  std::array<int, 2> said{};
  REQUIRE(pipe(said.data()) == 0);
  const pid_t child = fork();
  if (child == 0) {
    dup2(said[1], 2);
    signal(SIGABRT, SIG_DFL);
    static_cast<void>(failed.data());
    _exit(0);
  }
  close(said[1]);
  std::string text(1024, 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(read(said[0], text.data(), text.size()), 0)));
  close(said[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(text.find("Completion::data") != std::string::npos);
  CHECK(text.find("is_data_entry") != std::string::npos);
}

TEST_CASE("immediate data is there only when the peer sent some", "[fabric][O-40]") {
  CHECK_FALSE(CompletionData(nullptr, FI_RMA | FI_WRITE, 0, 5).data());
  CHECK(CompletionData(nullptr, FI_RMA | FI_WRITE, 0, 5).is_local_write());
  CHECK(CompletionData(nullptr, FI_REMOTE_CQ_DATA | FI_RECV, 0, 0).data() == 0u);
}
