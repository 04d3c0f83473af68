#pragma once

#include <map>
#include <string>

#include <weft/python/errors.hpp>
#include <weft/python/python.hpp>

/// Dictionaries of strings: a tensor's attributes, a file's metadata.
namespace weft::python {

template <class Map>
nb::dict dict_of(const Map& map) {
  nb::dict all;
  for (const auto& [key, value] : map) all[text(key)] = text(value);
  return all;
}

/// None: none. InvalidArgumentError, which names the argument, for what is no mapping of strings.
template <class Map>
Map text_map(nb::handle given, const char* argument) {
  Map map;
  if (given.is_none()) return map;
  const auto wrong = [&] {
    raise(ErrorClass::kInvalidArgument, argument,
          std::string(argument) + ": " + nb::cast<std::string>(nb::repr(given)).substr(0, 120), "a dict of strings");
  };
  if (PyMapping_Check(given.ptr()) == 0 || !nb::hasattr(given, "items")) wrong();
  for (const nb::handle item : nb::list(given.attr("items")())) {
    std::string key, value;
    if (!nb::try_cast(item[0], key) || !nb::try_cast(item[1], value)) wrong();
    map.emplace(std::move(key), std::move(value));
  }
  return map;
}

}  // namespace weft::python
