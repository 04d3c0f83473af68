#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>

#include <weft/base/text.hpp>
#include <weft/nodes/node_state.hpp>
#include <weft/tensor/safetensors.hpp>
#include <weft/tensor/safetensors_index.hpp>
#include <weft/tensor/safetensors_metadata.hpp>

/// What a node serves: put, lend, files.
namespace weft::detail {
namespace {

Result<std::shared_ptr<transfer::Entry>> entry_of(std::string name, const TensorMeta& meta, std::uint64_t bytes) {
  WEFT_TRY(check_name(name));
  WEFT_LET(auto whole, Selection::whole(meta));
  auto entry = std::make_shared<transfer::Entry>();
  entry->name = std::move(name);
  entry->meta = meta;
  entry->bytes = bytes;
  entry->whole = std::move(whole);
  return entry;
}

Result<std::shared_ptr<transfer::Entry>> entry_of(std::string name, const TensorView& view) {
  WEFT_TRY(view.check());
  if (!view.device().is_host())
    return fail(ErrorClass::kUnsupported, "put",
                "the tensor is on " + view.device().to_string() + "; only host memory is served yet");
  WEFT_LET(auto entry, entry_of(std::move(name), view.meta(), view.byte_size()));
  static const std::byte kNothing{};
  entry->data = view.data() == nullptr ? &kNothing : static_cast<const std::byte*>(view.data());
  return entry;
}

Result<void> add_file(const std::filesystem::path& path, const std::string& prefix,
                      std::vector<std::shared_ptr<transfer::Entry>>& entries) {
  WEFT_LET(const auto file, SafetensorsFile::open(path));
  auto source = std::make_shared<transfer::FileSource>();
  source->path = path.string();
  source->fd = Fd(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  if (!source->fd) return fail_errno(errno, "serve", path.string());
  const Attributes attributes = attributes_of(file.header().metadata());
  for (const SafetensorsEntry& tensor : file.entries()) {
    TensorMeta meta = tensor.meta;
    meta.attributes = attributes;
    WEFT_LET(auto entry, entry_of(prefix + tensor.name, meta, tensor.bytes));
    if (tensor.bytes <= kInlineBytes) {
      // Small enough to be answered in one message: kept in memory, so that no worker is asked for it.
      std::shared_ptr<std::byte[]> bytes(new std::byte[std::max<std::uint64_t>(1, tensor.bytes)]);
      WEFT_TRY(file.read(tensor.offset, {bytes.get(), static_cast<std::size_t>(tensor.bytes)}));
      entry->data = bytes.get();
      entry->keep_alive = std::move(bytes);
    } else {
      entry->file = source;
      entry->file_offset = tensor.offset;
    }
    entries.push_back(std::move(entry));
  }
  return {};
}

/// A name that two of them have.
std::optional<std::string> twice_in(std::span<const std::shared_ptr<transfer::Entry>> entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const auto& entry : entries) names.push_back(entry->name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? std::nullopt : std::optional<std::string>(*twice);
}

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || !is_clean_utf8(name))
    return fail(Error(ErrorClass::kInvalidArgument, "name",
                      fmt::format("\"{}\" cannot be a tensor's name", escaped(name.substr(0, 64))))
                    .with_hint(fmt::format("1 to {} bytes of UTF-8 without NUL", kMaxNameBytes)));
  return {};
}

Result<Generation> NodeState::put(std::string name, const TensorView& view, KeepAlive keep_alive) {
  if (is_stopped()) return fail(stopped());
  WEFT_LET(auto entry, entry_of(std::move(name), view));
  entry->keep_alive = std::move(keep_alive);
  const Generation generation = catalog_.publish({std::move(entry)});
  look_at_catalog();
  return generation;
}

Result<Generation> NodeState::put_many(std::vector<PutItem> items) {
  if (is_stopped()) return fail(stopped());
  std::vector<std::shared_ptr<transfer::Entry>> entries;
  entries.reserve(items.size());
  for (PutItem& item : items) {
    std::string name = item.name;
    auto entry = entry_of(std::move(name), item.view);
    if (!entry) return fail(Error(std::move(entry).error()).with_name(std::move(item.name)));
    (*entry)->keep_alive = std::move(item.keep_alive);
    entries.push_back(*std::move(entry));
  }
  if (const auto twice = twice_in(entries))
    return fail(Error(ErrorClass::kInvalidArgument, "put_many", "two of the tensors have one name").with_name(*twice));
  const Generation generation = catalog_.publish(std::move(entries));
  look_at_catalog();
  return generation;
}

/// The loop's view of the catalog keeps what was replaced alive: let it look, and drop that where it blocks nobody.
void NodeState::look_at_catalog() {
  if (stopped_.load(std::memory_order_acquire)) return;
  loop_->submit([this](TimePoint) {
    if (auto before = loop_->core().refresh_catalog())
      supervisor_->worker().run([held = std::move(before)]() mutable { held.reset(); });
  });
}

Result<Loan> NodeState::lend(std::string name, const TensorView& view) {
  if (is_stopped()) return fail(stopped());
  WEFT_LET(auto entry, entry_of(std::move(name), view));
  auto reading = std::make_shared<LoanState::Reading>();
  // Drops with the last reference to the entry: the catalog's, a transfer's, a snapshot's.
  entry->keep_alive = std::shared_ptr<const void>(reading.get(), [reading](const void*) {
    const std::lock_guard lock(reading->mutex);
    reading->over = true;
    reading->changed.notify_all();
  });
  auto state = std::make_shared<LoanState>();
  state->node = weak_from_this();
  state->entry = entry;
  state->reading = std::move(reading);
  state->generation = catalog_.publish({std::move(entry)});
  return Loan(std::move(state));
}

void NodeState::end_loan(const transfer::EntryRef& entry) {
  catalog_.remove_entry(*entry);
  loop_->submit([this, entry](TimePoint now) { loop_->core().cancel_reading(*entry, now); });  // its end waits for it
}

Result<std::size_t> NodeState::serve(const std::filesystem::path& path, const ServeOptions& options) {
  if (is_stopped()) return fail(stopped());
  std::vector<std::shared_ptr<transfer::Entry>> entries;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    std::vector<std::filesystem::path> files;
    for (const auto& item : std::filesystem::directory_iterator(path, error))
      if (item.path().extension() == ".safetensors") files.push_back(item.path());
    if (error) return fail_errno(error.value(), "serve", path.string());
    if (files.empty())
      return fail(Error(ErrorClass::kNotFound, "serve", fmt::format("no .safetensors file in {}", path.string())));
    std::sort(files.begin(), files.end());
    for (const auto& file : files) WEFT_TRY(add_file(file, options.prefix, entries));
  } else if (path.extension() == ".json") {
    WEFT_LET(const auto index, SafetensorsIndex::open(path));
    for (const std::string& file : index.files())
      WEFT_TRY(add_file(path.parent_path() / file, options.prefix, entries));
  } else {
    WEFT_TRY(add_file(path, options.prefix, entries));
  }
  if (const auto twice = twice_in(entries))
    return fail(Error(ErrorClass::kMalformed, "serve",
                      fmt::format("two of the files hold a tensor named \"{}\"", escaped(*twice))));
  const std::size_t count = entries.size();
  catalog_.publish(std::move(entries));
  look_at_catalog();
  return count;
}

Result<void> NodeState::remove(std::string_view name) {
  if (is_stopped()) return fail(stopped());
  const std::string_view names[] = {name};
  if (catalog_.remove(names).empty())
    return fail(
        Error(ErrorClass::kNotFound, "remove", fmt::format("no tensor named \"{}\" is served here", escaped(name)))
            .with_name(std::string(name)));
  look_at_catalog();
  return {};
}

}  // namespace weft::detail
