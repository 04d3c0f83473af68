#include <weft/crypto/openssl_error.hpp>

#include <openssl/err.h>

#include <array>
#include <utility>

namespace weft::crypto {

OpensslError take_openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return {};
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return {code, ERR_GET_REASON(code), text.data()};
}

std::unexpected<Error> fail_openssl(ErrorClass kind, std::string operation, std::string message) {
  OpensslError native = take_openssl_error();
  Error error{kind, std::move(operation), std::move(message)};
  if (native.code == 0) return fail(std::move(error));
  return fail(std::move(error).with_native(static_cast<int>(native.code), std::move(native.text)));
}

}  // namespace weft::crypto
