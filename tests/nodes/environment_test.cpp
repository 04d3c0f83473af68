#include <cstdlib>

#include <tests/nodes/nodes.hpp>

using namespace weft;
using namespace weft::test;

namespace {

/// A variable of this process, for the length of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("environment: what it does not say stays as it is") {
  const Variable empty("WEFT_LISTEN", "");
  const auto options = need(NodeOptions::from_environment());
  const NodeOptions defaults;
  CHECK(options.listen.empty());
  CHECK_FALSE(options.access.reaches_beyond_host());
  CHECK(options.limits.inbox_bytes == defaults.limits.inbox_bytes);
  CHECK(options.pool.connections == defaults.pool.connections);
  CHECK(options.spin == defaults.spin);
}

TEST_CASE("environment: what it says is what the node is started with") {
  const Variable listen("WEFT_LISTEN", "127.0.0.1:0,[::1]:0"), allow("WEFT_ALLOW", "any"), lanes("WEFT_LANES", "tls"),
      trust("WEFT_TRUST", "10.0.0.0/8"), inbox("WEFT_INBOX_BYTES", "2MiB"), memory("WEFT_MEMORY_BYTES", "1GiB"),
      connections("WEFT_CONNECTIONS", "7"), idle("WEFT_IDLE", "90s"), heartbeat("WEFT_HEARTBEAT", "250ms"),
      spin("WEFT_SPIN_US", "5"), ask("WEFT_ASK_KERNEL_US", "200");
  const auto options = need(NodeOptions::from_environment());
  CHECK(options.listen == std::vector<std::string>{"127.0.0.1:0", "[::1]:0"});
  CHECK(options.access.reaches_beyond_host());
  CHECK(options.lanes == std::vector<Lane>{Lane::kTls});
  CHECK(options.trust == std::vector<std::string>{"10.0.0.0/8"});
  CHECK(options.limits.inbox_bytes == 2u << 20);
  CHECK(options.limits.memory_bytes == 1u << 30);
  CHECK(options.pool.connections == 7);
  CHECK(options.pool.idle == std::chrono::seconds(90));
  CHECK(options.liveness.heartbeat == std::chrono::milliseconds(250));
  CHECK(options.spin == std::chrono::microseconds(5));
  CHECK(options.ask_kernel == std::chrono::microseconds(200));
}

TEST_CASE("environment: a value that does not read names its variable") {
  for (const char* name :
       {"WEFT_ALLOW", "WEFT_LANES", "WEFT_INBOX_BYTES", "WEFT_IDLE", "WEFT_SPIN_US", "WEFT_ASK_KERNEL_US"}) {
    const Variable bad(name, "bad!");
    const auto refused = NodeOptions::from_environment();
    CHECK(failure(refused) == ErrorClass::kInvalidArgument);
    CHECK(refused.error().message().find(name) != std::string_view::npos);
    CHECK_FALSE(refused.error().hint().empty());
  }
}
