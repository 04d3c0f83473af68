#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/cli/file_name.hpp>
#include <weft/nodes/cli/output_file.hpp>
#include <weft/nodes/cli/save_plan.hpp>

namespace weft::cli {
namespace {

struct Chosen {
  const Entry* entry = nullptr;
  Slice slice{};
};

const Entry* find(const std::vector<Entry>& listed, std::string_view name) {
  for (const auto& entry : listed)
    if (entry.name == name) return &entry;
  return nullptr;
}

// "w[0:128,:]" is a part of w, unless a tensor is called just that.
std::string_view without_slice(std::string_view name, std::string_view& slice) {
  const auto open = name.rfind('[');
  if (!name.ends_with(']') || open == name.npos || open == 0) return name;
  slice = name.substr(open + 1, name.size() - open - 2);
  return name.substr(0, open);
}

// What is asked for by name: a slice of it where one was given, else as its brackets say.
struct Asked {
  std::string_view name{};
  std::optional<std::string_view> slice{};
};

Result<std::vector<Asked>> asked_for(const Wanted& wanted) {
  std::vector<Asked> asked;
  asked.reserve(wanted.names.size() + wanted.slices.size());
  for (const auto& name : wanted.names) asked.push_back({.name = name});
  for (const std::string_view text : wanted.slices) {
    std::string_view inner = text;
    const auto name = without_slice(text, inner);
    if (inner == text) {  // bare
      if (wanted.names.size() != 1 || wanted.slices.size() != 1)
        return fail(Error{ErrorClass::kInvalidArgument, "get",
                          fmt::format("--slice {} does not say of which tensor", escaped(text))}
                        .with_hint("write it with its name: --slice 'w[0:128,:]'"));
      asked.front().slice = inner;
      continue;
    }
    const auto named = std::ranges::find_if(asked, [&](const Asked& one) { return one.name == name && !one.slice; });
    if (named != asked.end())
      named->slice = inner;
    else
      asked.push_back({.name = name, .slice = inner});
  }
  for (const auto& one : asked)
    if (one.slice) WEFT_TRY(Slice::parse(*one.slice));
  return asked;
}

std::unexpected<Error> none_named(std::string_view name) {
  return fail(Error{ErrorClass::kNotFound, "get", fmt::format("no tensor named \"{}\"", escaped(name))}.with_name(
      std::string(name)));
}

bool is_pattern(std::string_view name) { return name.find_first_of("*?") != name.npos; }

// "w[0:128,:" of a w that is there.
bool lacks_bracket(const std::vector<Entry>& listed, std::string_view name) {
  const auto open = name.rfind('[');
  return open != name.npos && !name.ends_with(']') && find(listed, name.substr(0, open)) != nullptr;
}

// What matches a pattern, whole or as its brackets say, but for what is chosen already.
Result<void> choose_matches(const std::vector<Entry>& listed, const Asked& asked, std::vector<Chosen>& chosen) {
  const auto matches = [&](std::string_view pattern) {
    return std::ranges::any_of(listed, [&](const Entry& entry) { return glob_match(pattern, entry.name); });
  };
  std::string_view pattern = asked.name;
  std::string_view inner = asked.slice.value_or("");
  if (!matches(pattern) && !asked.slice) pattern = without_slice(pattern, inner);
  if (!matches(pattern)) return none_named(asked.name);
  WEFT_LET(const auto slice, Slice::parse(inner));
  for (const Entry& entry : listed)
    if (glob_match(pattern, entry.name) && std::ranges::find(chosen, &entry, &Chosen::entry) == chosen.end())
      chosen.push_back({&entry, slice});
  return {};
}

Result<Chosen> choose(const std::vector<Entry>& listed, const Asked& asked) {
  if (const Entry* whole = find(listed, asked.name)) {
    WEFT_LET(auto part, Slice::parse(asked.slice.value_or("")));
    return Chosen{whole, std::move(part)};
  }
  std::string_view inner;
  const auto name = without_slice(asked.name, inner);
  if (asked.slice && name != asked.name)
    return fail(ErrorClass::kInvalidArgument, "get", "a slice both in the name and as --slice");
  const Entry* entry = asked.slice ? nullptr : find(listed, name);
  if (entry == nullptr && lacks_bracket(listed, asked.name))
    return fail(Error{ErrorClass::kInvalidArgument, "get",
                      fmt::format("\"{}\": its slice lacks the ] at the end", escaped(asked.name))}
                    .with_hint("numpy's form: 'w[0:128,:]'"));
  if (entry == nullptr) return none_named(asked.slice ? asked.name : name);
  WEFT_LET(auto part, Slice::parse(inner));
  return Chosen{entry, std::move(part)};
}

Result<void> append(const Chosen& chosen, SavePlan& plan) {
  const Entry& entry = *chosen.entry;
  SafetensorsItem item{entry.name, entry.meta};
  item.meta.strides = {};
  if (chosen.slice.empty()) {
    append_parts(entry, plan.items.size(), plan.parts);
    plan.bytes += entry.bytes;
  } else {
    auto axes = chosen.slice.resolve(entry.meta.shape);
    if (!axes) return fail(std::move(axes).error().with_name(entry.name));
    for (std::size_t at = 0; at < axes->size(); ++at) item.meta.shape[at] = (*axes)[at].count;
    WEFT_LET(const auto bytes, item.meta.byte_size());
    plan.parts.push_back({.item = plan.items.size(),
                          .bytes = bytes,
                          .name = entry.name,
                          .slice = chosen.slice,
                          .generation = entry.generation});
    plan.bytes += bytes;
  }
  plan.items.push_back(std::move(item));
  return {};
}

std::string file_name_of(const Wanted& wanted) {
  const auto asked = asked_for(wanted);
  return (asked && asked->size() == 1 && !is_pattern(asked->front().name) ? safe_file_name(asked->front().name)
                                                                          : "model") +
         ".safetensors";
}

}  // namespace

Result<SavePlan> SavePlan::make(const std::vector<Entry>& listed, const Wanted& wanted) {
  SavePlan plan;
  WEFT_LET(const auto asked, asked_for(wanted));
  if (asked.empty())
    for (const auto& entry : listed) WEFT_TRY(append({&entry, {}}, plan));
  std::vector<Chosen> chosen;
  const auto is_of_many = [&](const Asked& one) {
    std::string_view ignored;
    return is_pattern(one.name) && find(listed, one.name) == nullptr &&
           find(listed, without_slice(one.name, ignored)) == nullptr;
  };
  for (const auto& one : asked) {
    if (is_of_many(one)) continue;
    WEFT_LET(auto named, choose(listed, one));
    chosen.push_back(std::move(named));
  }
  for (const auto& one : asked)
    if (is_of_many(one)) WEFT_TRY(choose_matches(listed, one, chosen));
  for (const auto& one : chosen) WEFT_TRY(append(one, plan));
  std::vector<const TensorMeta*> tensors;
  tensors.reserve(plan.items.size());
  for (const auto& item : plan.items) tensors.push_back(&item.meta);
  plan.metadata = common_metadata(tensors);
  return plan;
}

Result<void> check_wanted(const Wanted& wanted) {
  WEFT_TRY(asked_for(wanted));
  return {};
}

Result<std::filesystem::path> choose_path(const std::filesystem::path& output, const Wanted& wanted, bool force) {
  std::error_code ignored;
  if (output == "-")
    return fail(Error{ErrorClass::kInvalidArgument, "open", "a safetensors file is not written to stdout"}.with_hint(
        "-o FILE names it; ./- is a file of that name"));
  std::filesystem::path path = output;
  if (output.empty() || !output.has_filename() || std::filesystem::is_directory(output, ignored))
    path /= file_name_of(wanted);
  WEFT_TRY(check_folder("-o", folder_of(path)));
  if (const auto found = std::filesystem::status(path, ignored);
      std::filesystem::exists(found) && !std::filesystem::is_regular_file(found))
    return fail(
        Error{ErrorClass::kInvalidArgument, "open", fmt::format("{} is no regular file", escaped(path.string()))}
            .with_hint("-o FILE names one that is there or may be made; nothing else is replaced"));
  if (!force && std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
    return fail(
        Error{ErrorClass::kExists, "open", fmt::format("{} is there already", escaped(path.string()))}.with_hint(
            "--force replaces it; -o FILE writes another"));
  return path;
}

}  // namespace weft::cli
