#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <tuple>
#include <variant>

#include <weft/wire/message.hpp>

/// Deep equality of the protocol's plain structs, over whatever members they have: a member that the codec forgets
/// is found without this file being told of it.
namespace weft::wire::test {

struct Anything {
  template <class T>
  operator T() const;  // NOLINT: an argument of any type, never called
};

template <class T, class... Arguments>
consteval std::size_t member_count() {
  if constexpr (requires { T{Arguments{}..., Anything{}}; })
    return member_count<T, Arguments..., Anything>();
  else
    return sizeof...(Arguments);
}

template <class T>
auto members(const T& v) {
  constexpr std::size_t count = member_count<T>();
  static_assert(count >= 1 && count <= 13, "add a line below");
  if constexpr (count == 1) {
    const auto& [a] = v;
    return std::tie(a);
  }
  if constexpr (count == 2) {
    const auto& [a, b] = v;
    return std::tie(a, b);
  }
  if constexpr (count == 3) {
    const auto& [a, b, c] = v;
    return std::tie(a, b, c);
  }
  if constexpr (count == 4) {
    const auto& [a, b, c, d] = v;
    return std::tie(a, b, c, d);
  }
  if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = v;
    return std::tie(a, b, c, d, e);
  }
  if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = v;
    return std::tie(a, b, c, d, e, f);
  }
  if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = v;
    return std::tie(a, b, c, d, e, f, g);
  }
  if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = v;
    return std::tie(a, b, c, d, e, f, g, h);
  }
  if constexpr (count == 9) {
    const auto& [a, b, c, d, e, f, g, h, i] = v;
    return std::tie(a, b, c, d, e, f, g, h, i);
  }
  if constexpr (count == 10) {
    const auto& [a, b, c, d, e, f, g, h, i, j] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  }
  if constexpr (count == 11) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
  }
  if constexpr (count == 12) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
  }
  if constexpr (count == 13) {
    const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = v;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
  }
}

template <class T>
bool same(const T& left, const T& right);

template <class T>
bool same_span(std::span<T> left, std::span<T> right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!same(left[i], right[i])) return false;
  return true;
}

template <class T>
inline constexpr bool kIsSpan = false;
template <class T>
inline constexpr bool kIsSpan<std::span<T>> = true;

template <class T>
bool same(const T& left, const T& right) {
  if constexpr (kIsSpan<T>) {
    return same_span(left, right);
  } else if constexpr (std::equality_comparable<T>) {
    return left == right;
  } else {
    const auto every = [&]<std::size_t... I>(const auto& a, const auto& b, std::index_sequence<I...>) {
      return (same(std::get<I>(a), std::get<I>(b)) && ...);
    };
    const auto a = members(left);
    return every(a, members(right), std::make_index_sequence<std::tuple_size_v<decltype(a)>>{});
  }
}

inline bool same(const Message& left, const Message& right) {
  if (left.index() != right.index()) return false;
  return std::visit([&]<class M>(const M& one) { return same<M>(one, std::get<M>(right)); }, left);
}

}  // namespace weft::wire::test
