#include <cerrno>

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <weft/base/text.hpp>
#include <weft/nodes/cli/client.hpp>
#include <weft/nodes/cli/output_file.hpp>
#include <weft/nodes/cli/peer_names.hpp>
#include <weft/nodes/cli/quantity.hpp>
#include <weft/nodes/cli/resume_journal.hpp>
#include <weft/nodes/cli/save_plan.hpp>
#include <weft/nodes/cli/ticket_argument.hpp>

namespace weft::cli {
namespace {

class GetCommand final : public Command {
 public:
  void declare(Arguments& arguments) override {
    arguments.positional("TICKET", ticket_, "of the node");
    arguments.positionals("NAME", wanted_.names,
                          "what to pull: names, patterns 'layers.*', or parts 'w[0:128,:]'; none: everything",
                          Needed::kNo);
    arguments.path("-o,--output", "FILE|DIR", output_, "where to write; default: here, named after what it holds");
    arguments.texts("--slice", "SLICE", wanted_.slices,
                    "only this part: 'w[0:128,:]', or '0:128,:' of the one NAME; repeatable");
    arguments.flag("-f,--force", force_, "replace a file that is there");
    arguments.flag("--resume", resume_, "go on with FILE.part: what of it was verified is not pulled again");
  }

  Result<int> run(Context& context) override {
    WEFT_TRY(check_wanted(wanted_));
    WEFT_LET(const auto ticket, read_ticket(context, ticket_));
    WEFT_LET(const auto path, choose_path(output_, wanted_, force_));
    WEFT_LET(auto node, start_client(context));
    WEFT_LET(auto plan, make_plan(context, node, ticket));
    return save(context, node, ticket, plan, path);
  }

 private:
  Result<SavePlan> make_plan(Context& context, TensorNode& node, const Ticket& ticket) const {
    WEFT_LET(const auto listed, await(node.list(ticket, "*", {.deadline = deadline_of(context)})));
    auto plan = SavePlan::make(listed, wanted_);
    if (plan || plan.error().kind() != ErrorClass::kNotFound) return plan;
    return fail(
        no_such_name(peer_text(context, node, ticket), plan.error().context().name, listed, spelled_again(ticket_)));
  }

  Result<int> save(Context& context, TensorNode& node, const Ticket& ticket, SavePlan& plan,
                   const std::filesystem::path& path) const {
    WEFT_LET(const auto layout, SafetensorsLayout::make(plan.items, plan.metadata));
    WEFT_TRY(check_room(folder_of(path), layout.file_bytes, bytes_on_disk(path.string() + ".part")));
    WEFT_LET(const auto peer, await(node.ping(ticket, deadline_of(context))));
    auto opened =
        SafetensorsWriter::open(path, plan.items, plan.metadata, resume_ ? PartFile::kTakeUp : PartFile::kAnew);
    if (!opened && opened.error().native_code() == ENOENT)  // its folder is there: choose_path has looked
      return fail(std::move(opened).error().with_hint("no file can be made in that folder: choose another one"));
    WEFT_LET(auto writer, std::move(opened));
    ResumeJournal journal(path.string() + ".part", peer.node, peer.incarnation);
    if (resume_) journal.load();
    const auto there = take_up(plan, writer, journal);
    WEFT_TRY(journal.open());
    std::size_t verified = there.parts;
    const auto saved = pull(context, node, ticket, plan, there, writer,
                            [&](const PullPart& part, const Tensor& tensor) -> Result<void> {
                              WEFT_TRY(writer.write(part.item, part.offset, tensor.bytes()));
                              ++verified;
                              return journal.note(part, writer.offset_of(part.item) + part.offset, tensor.digest());
                            });
    if (saved) {
      journal.remove();
      return tell(context, path, plan, there, *saved);
    }
    if (verified == 0 || !may_go_on(saved.error())) {
      journal.remove();
      return std::unexpected(saved.error());
    }
    writer.keep();
    context.out.say(fmt::format("kept what was verified in {}.part; the same command with --resume goes on",
                                escaped(path.string())));
    return std::unexpected(saved.error());
  }

  /// Of the plan, what lies in the part file already.
  struct There {
    std::size_t parts = 0;
    std::uint64_t tensors = 0, bytes = 0;
  };
  static There take_up(SavePlan& plan, const SafetensorsWriter& writer, const ResumeJournal& journal) {
    There there;
    std::erase_if(plan.parts, [&](const PullPart& part) {
      if (!journal.holds(part, writer.offset_of(part.item) + part.offset, writer.fd())) return false;
      ++there.parts;
      there.tensors += part.completes ? 1 : 0;
      there.bytes += part.bytes;
      return true;
    });
    return there;
  }
  /// Whether the same command may well succeed later.
  static bool may_go_on(const Error& why) {
    switch (why.kind()) {
      case ErrorClass::kPeerUnreachable:
      case ErrorClass::kPeerLost:
      case ErrorClass::kDeadlineExceeded:
      case ErrorClass::kCancelled:
      case ErrorClass::kOverloaded:
      case ErrorClass::kShuttingDown:
        return true;
      default:
        return false;  // a disk that is full needs the space back; a tensor that changed starts it anew
    }
  }

  struct Saved {
    Lane lane = Lane::kAuto;
    Duration taken{};
  };
  Result<Saved> pull(Context& context, TensorNode& node, const Ticket& ticket, SavePlan& plan, const There& there,
                     SafetensorsWriter& writer, const Pull::Sink& sink) const {
    ProgressBar bar(context.out, "", "tensors", plan.items.size(), plan.bytes);
    Pull pull(node, ticket, std::move(plan.parts),
              {.lane = context.settings.lane,
               .deadline = deadline_of(context),
               .items_there = there.tensors,
               .bytes_there = there.bytes});
    WEFT_LET(const auto report, pull.run(bar, sink));
    const auto moving = bar.taken();  // what follows is the disk's own time
    WEFT_TRY(writer.finish());
    const auto taken = bar.taken();
    bar.finish(fmt::format("{}   verified", to_string(report.lane)), moving);
    return Saved{report.lane, taken};
  }

  Result<int> tell(Context& context, const std::filesystem::path& path, const SavePlan& plan, const There& there,
                   const Saved& saved) const {
    if (context.out.format() == Format::kJson)
      context.out.json({{"file", path.string()},
                        {"tensors", plan.items.size()},
                        {"bytes", plan.bytes},
                        {"resumed", there.bytes},
                        {"seconds", seconds(saved.taken)},
                        {"lane", to_string(saved.lane)},
                        {"verified", true}});
    else if (context.out.format() == Format::kPlain)
      context.out.data(escaped(path.string()));
    else if (path != output_)
      context.out.say("wrote " + escaped(path.string()));
    return 0;
  }

  std::string ticket_;
  Wanted wanted_;
  std::filesystem::path output_;
  bool force_ = false, resume_ = false;
};

}  // namespace

std::unique_ptr<Command> make_get() { return std::make_unique<GetCommand>(); }

}  // namespace weft::cli
