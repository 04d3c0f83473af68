// What a user's first program looks like to the build: headers as installed, one library.
#include <cstdio>

#include <weft/base/error.hpp>
#include <weft/base/ids.hpp>

int main() {
  const auto parsed = weft::NodeId::parse(weft::NodeId{}.to_string());
  if (!parsed) return 1;
  const weft::Error error{weft::ErrorClass::kNotFound, "get", "no tensor named \"x\""};
  std::puts(error.to_string().c_str());
}
