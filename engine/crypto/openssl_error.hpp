#pragma once

#include <string>

#include <weft/base/result.hpp>

namespace weft::crypto {

/// What OpenSSL has to say: the earliest entry of the calling thread's error queue, which is emptied.
struct OpensslError {
  unsigned long code = 0;  ///< 0: the queue was empty
  int reason = 0;          ///< ERR_GET_REASON of it
  std::string text{};      ///< "error:0A00010B:SSL routines::wrong version number"; empty with code 0
};
OpensslError take_openssl_error();

/// A failure with OpenSSL's own code and text as the native ones. Empties the thread's error queue.
std::unexpected<Error> fail_openssl(ErrorClass kind, std::string operation, std::string message);

}  // namespace weft::crypto
