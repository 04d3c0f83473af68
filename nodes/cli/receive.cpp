#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/entry_text.hpp>
#include <weft/nodes/cli/failure.hpp>
#include <weft/nodes/cli/file_name.hpp>
#include <weft/nodes/cli/output_file.hpp>
#include <weft/nodes/cli/presence.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/tensor/safetensors_metadata.hpp>
#include <weft/tensor/safetensors_writer.hpp>

namespace weft::cli {
namespace {

SafetensorsItem item_of(std::string_view name, const TensorMeta& meta) {
  SafetensorsItem item{std::string(name), meta};
  item.meta.strides = {};
  return item;
}

SafetensorsMetadata metadata_of(const SafetensorsItem& item) {
  const TensorMeta* const tensors[] = {&item.meta};
  return common_metadata(tensors);
}

/// Refuses what the folder's disk has no room for before a byte of it has come. `judge` runs where the node calls back.
class Doorkeeper {
 public:
  explicit Doorkeeper(std::filesystem::path folder) : folder_(std::move(folder)) {}

  Result<MutableTensorView> judge(const Offer& offer) {
    const auto item = item_of(offer.name, offer.meta);
    const auto layout = SafetensorsLayout::make({&item, 1}, metadata_of(item));
    const auto fits = check_room(folder_, layout ? layout->file_bytes : offer.bytes);
    if (fits) return MutableTensorView{};
    auto why = Error(fits.error()).with_hint("where it is received: free space, or `weft recv -o` on another disk");
    const std::lock_guard lock(mutex_);
    refused_.push_back(Error(why).with_name(std::string(offer.name)).with_peer(offer.from.short_string()));
    return fail(std::move(why));
  }
  /// Those since it was last asked.
  std::vector<Error> refused() {
    const std::lock_guard lock(mutex_);
    return std::exchange(refused_, {});
  }

 private:
  const std::filesystem::path folder_;
  std::mutex mutex_;
  std::vector<Error> refused_;
};

/// Files of a folder, one for each tensor name. A later push of a name replaces its file; a file that was there before
/// is left alone unless `force`.
class Inbox {
 public:
  Inbox(std::filesystem::path folder, bool force) : folder_(std::move(folder)), force_(force) {}

  Result<std::filesystem::path> save(const Tensor& tensor) {
    auto path = path_of(std::string(tensor.name()));
    const auto item = item_of(tensor.name(), tensor.meta());
    WEFT_LET(auto writer, SafetensorsWriter::open(path, {&item, 1}, metadata_of(item)));
    WEFT_TRY(writer.write(0, 0, tensor.bytes()));
    WEFT_TRY(writer.finish());
    return path;
  }

 private:
  std::filesystem::path path_of(const std::string& name) {
    if (const auto known = paths_.find(name); known != paths_.end()) return known->second;
    const auto base = safe_file_name(name);
    auto path = folder_ / (base + ".safetensors");
    for (int number = 1; is_taken(path); ++number) path = folder_ / fmt::format("{}-{}.safetensors", base, number);
    return paths_[name] = path;
  }
  bool is_taken(const std::filesystem::path& path) const {
    for (const auto& [_, ours] : paths_)
      if (ours == path) return true;
    std::error_code ignored;
    const auto there = std::filesystem::symlink_status(path, ignored);
    return std::filesystem::exists(there) && !(force_ && std::filesystem::is_regular_file(there));
  }

  std::filesystem::path folder_;
  bool force_;
  std::map<std::string, std::filesystem::path> paths_;
};

class ReceiveCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("GLOB", glob_, "only names that match", Needed::kNo);
    arguments.path("-o,--output", "DIR", output_, "where to save: a file for each tensor; default: here");
    arguments.number("-n,--count", "N", count_, "end after N tensors");
    arguments.flag("-f,--force", force_, "replace files that are there");
    arguments.parsed("--inbox", "SIZE", "what may have arrived and not be saved yet (default 1GiB)",
                     [this](std::string_view text) -> Result<void> {
                       WEFT_LET(inbox_bytes_, parse_size(text));
                       return {};
                     });
    arguments.also_from("--inbox", "WEFT_INBOX_BYTES");
    presence_.declare(arguments);
  }

  Result<int> run(Context& context) override {
    WEFT_LET(auto options, presence_.options(context));
    if (inbox_bytes_ > 0) options.limits.inbox_bytes = inbox_bytes_;
    if (output_ == "-")
      return fail(Error{ErrorClass::kInvalidArgument, "recv", "tensors are not written to stdout"}.with_hint(
          "-o DIR names a folder; ./- is one of that name"));
    WEFT_TRY(presence_.prepare());
    WEFT_TRY(make_folder("-o", output_));
    Doorkeeper door(output_);
    WEFT_LET(auto node, start_node(context, std::move(options)));
    WEFT_LET(const auto handler, node.on_offer(glob_, [&door](const Offer& offer) { return door.judge(offer); }));
    context.out.say(fmt::format("receiving {} into {} on {}    (there: weft push FILE TICKET)", escaped(glob_),
                                escaped(output_.string()), addresses_text(node.ticket())));
    WEFT_TRY(presence_.announce(context, node, {{"output", output_.string()}}));
    auto received = receive(context, node, door);
    // Stopped first: then nothing more is acknowledged, and what was is here to be saved.
    WEFT_TRY(node.stop().wait());
    while (const auto tensor = node.try_receive(glob_))
      if (auto saved = save(context, *tensor); !saved && received) received = std::move(saved);
    tell_refused(context, door);
    WEFT_TRY(std::move(received));
    return failed_ == 0 ? exit_after_signal() : kSomeFailed;
  }

 private:
  Result<void> receive(Context& context, TensorNode& node, Doorkeeper& door) {
    for (std::uint64_t got = 0; (count_ == 0 || got < count_) && Signals::caught() == 0; ++got) {
      auto tensor =
          await(node.receive(glob_, {.deadline = deadline_of(context)}), [&] { tell_refused(context, door); });
      if (!tensor && Signals::caught() != 0) return {};
      if (!tensor && tensor.error().kind() == ErrorClass::kDeadlineExceeded)
        return fail(std::move(tensor).error().with_hint(
            "a later --timeout, or none, waits longer; there: weft push FILE TICKET, with the ticket printed here"));
      if (!tensor) return fail(std::move(tensor).error());
      WEFT_TRY(save(context, *tensor));
    }
    return {};
  }

  Result<void> save(Context& context, const Tensor& tensor) {
    if (!inbox_) inbox_.emplace(output_, force_);
    if (const auto path = inbox_->save(tensor)) {
      tell(context, tensor, *path);
    } else {
      static_cast<void>(report(Error(path.error()).with_name(std::string(tensor.name())), context.out));
      ++failed_;
    }
    return context.out.flush();
  }

  void tell_refused(Context& context, Doorkeeper& door) {
    for (const Error& why : door.refused()) {
      static_cast<void>(report(why, context.out));
      ++failed_;
    }
  }

  static void tell(Context& context, const Tensor& tensor, const std::filesystem::path& path) {
    auto& out = context.out;
    const auto name = escaped(tensor.name());
    if (out.format() == Format::kJson) {
      out.json({{"name", tensor.name()},
                {"file", path.string()},
                {"dtype", dtype_text(tensor.meta())},
                {"shape", shape_json(tensor.meta().shape)},
                {"bytes", tensor.bytes().size()},
                {"generation", tensor.generation().value},
                {"from", tensor.from().to_string()},
                {"lane", to_string(tensor.lane())}});
    } else if (out.format() == Format::kPlain) {
      out.data(fmt::format("{}\t{}\t{}", name, escaped(path.string()), tensor.bytes().size()));
    } else {
      out.say(fmt::format("{}  {} {}  {}  from {} by {}  in {}", name, dtype_text(tensor.meta()),
                          tensor.meta().shape.to_string(), human_bytes(tensor.bytes().size()),
                          tensor.from().short_string(), to_string(tensor.lane()), escaped(path.string())));
    }
  }

  std::string glob_ = "*";
  std::filesystem::path output_ = ".";
  std::uint64_t count_ = 0, inbox_bytes_ = 0;
  bool force_ = false;
  Presence presence_;
  std::optional<Inbox> inbox_;
  std::uint64_t failed_ = 0;  // could not be saved, or were refused
  static constexpr int kSomeFailed = 10;
};

}  // namespace

std::unique_ptr<Command> make_receive() { return std::make_unique<ReceiveCommand>(); }

}  // namespace weft::cli
