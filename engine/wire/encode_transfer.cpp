#include <weft/wire/encode.hpp>

namespace weft::wire::detail {
namespace {

std::uint64_t words(std::span<const Attribute> attributes) {
  std::uint64_t sum = list_words<schema::Attribute>(attributes.size());
  for (const Attribute& attribute : attributes) sum += text_words(attribute.key) + text_words(attribute.value);
  return sum;
}

std::uint64_t words(std::span<const EntryAnswer> entries) {
  std::uint64_t sum = list_words<schema::EntryAnswer>(entries.size());
  for (const EntryAnswer& entry : entries)
    sum += text_words(entry.text) + text_words(entry.name) + text_words(entry.opaque_type) + record_words(entry.shape) +
           record_words(entry.leaves) + words(entry.attributes);
  return sum;
}

void fill(schema::Attribute::Builder into, const Attribute& attribute) {
  if (!attribute.key.empty()) copy_text(into.initKey(attribute.key.size()), attribute.key);
  if (!attribute.value.empty()) copy_text(into.initValue(attribute.value.size()), attribute.value);
}

void fill(schema::EntryAnswer::Builder into, const EntryAnswer& entry) {
  into.setFailed(!entry.ok);
  into.setRequiresGrad(entry.requires_grad);
  into.setError(as<schema::ErrorClass>(entry.error));
  into.setDtype(as<schema::DType>(entry.dtype));
  into.setIndex(entry.handle.index);
  into.setGeneration(entry.handle.generation.value);
  into.setBytes(entry.bytes);
  if (!entry.text.empty()) copy_text(into.initText(entry.text.size()), entry.text);
  if (!entry.name.empty()) copy_text(into.initName(entry.name.size()), entry.name);
  if (!entry.opaque_type.empty()) copy_text(into.initOpaqueType(entry.opaque_type.size()), entry.opaque_type);
  if (!entry.shape.empty()) copy_records(into.initShape(entry.shape.size_bytes()), entry.shape);
  if (!entry.leaves.empty()) copy_records(into.initLeaves(entry.leaves.size_bytes()), entry.leaves);
  if (entry.attributes.empty()) return;
  auto attributes = into.initAttributes(static_cast<unsigned>(entry.attributes.size()));
  for (unsigned i = 0; i < attributes.size(); ++i) fill(attributes[i], entry.attributes[i]);
}

template <class Builder>
void fill_entries(Builder& into, std::span<const EntryAnswer> entries) {
  if (entries.empty()) return;
  auto list = into.initEntries(static_cast<unsigned>(entries.size()));
  for (unsigned i = 0; i < list.size(); ++i) fill(list[i], entries[i]);
}

std::uint64_t words(const Where& where) {
  switch (where.kind) {
    case WhereKind::kDense:
      return 0;
    case WhereKind::kSegments:
      return record_words(where.segments);
    case WhereKind::kPages:
      return record_words(where.pages);
  }
  return 0;
}

void fill(schema::Where::Builder into, const Where& where) {
  switch (where.kind) {
    case WhereKind::kDense:
      into.setDense();
      break;
    case WhereKind::kSegments:
      copy_records(into.initSegments(where.segments.size() * Record<LandingSegment>::kBytes), where.segments);
      break;
    case WhereKind::kPages: {
      auto pages = into.initPages();
      pages.setPageBytes(where.page_bytes);
      copy_records(pages.initIndices(where.pages.size() * Record<std::uint32_t>::kBytes), where.pages);
      break;
    }
  }
}

}  // namespace

std::uint64_t words(const Offer& offer) { return words(offer.entries) + text_words(offer.trace); }

void fill(schema::Offer::Builder into, const Offer& offer) {
  fill_reference(into, offer.transfer);
  into.setDeadlineNs(offer.deadline_ns);
  into.setTotal(offer.total);
  into.setIsInline(offer.is_inline);
  into.setVerify(as<schema::Verify>(offer.verify));
  fill_entries(into, offer.entries);
  if (!offer.trace.empty()) copy_text(into.initTrace(offer.trace.size()), offer.trace);
}

std::uint64_t words(const Grant& grant) {
  return kStructWords<schema::Where> + words(grant.where) + record_words(grant.wanted) + record_words(grant.rails);
}

void fill(schema::Grant::Builder into, const Grant& grant) {
  fill_reference(into, grant.transfer);
  into.setRound(grant.round);
  // A dense landing is what a null pointer reads as.
  if (grant.where.kind != WhereKind::kDense) fill(into.initWhere(), grant.where);
  if (!grant.wanted.empty())
    copy_records(into.initWanted(grant.wanted.size() * Record<PieceRange>::kBytes), grant.wanted);
  if (!grant.rails.empty()) copy_records(into.initRails(grant.rails.size() * Record<RailKey>::kBytes), grant.rails);
}

std::uint64_t words(const Response& response) { return words(response.entries); }

void fill(schema::Response::Builder into, const Response& response) {
  into.setSequence(response.sequence);
  into.setMore(response.more);
  into.setGranted(response.granted);
  fill_entries(into, response.entries);
}

std::uint64_t words(const Digests& digests) { return record_words(digests.leaves); }

void fill(schema::Digests::Builder into, const Digests& digests) {
  fill_reference(into, digests.transfer);
  into.setRound(digests.round);
  into.setFirstLeaf(digests.first_leaf);
  if (!digests.leaves.empty()) copy_records(into.initLeaves(digests.leaves.size_bytes()), digests.leaves);
}

std::uint64_t words(const Done& done) {
  return text_words(done.text) + record_words(done.rails) + record_words(done.leaves);
}

void fill(schema::Done::Builder into, const Done& done) {
  fill_reference(into, done.transfer);
  into.setRound(done.round);
  into.setFailed(!done.ok);
  into.setError(as<schema::ErrorClass>(done.error));
  into.setFirstLeaf(done.first_leaf);
  if (!done.text.empty()) copy_text(into.initText(done.text.size()), done.text);
  if (!done.rails.empty()) copy_records(into.initRails(done.rails.size() * Record<RailCount>::kBytes), done.rails);
  if (!done.leaves.empty()) copy_records(into.initLeaves(done.leaves.size_bytes()), done.leaves);
}

std::uint64_t words(const Receipt& receipt) { return text_words(receipt.text); }

void fill(schema::Receipt::Builder into, const Receipt& receipt) {
  fill_reference(into, receipt.transfer);
  into.setFailed(!receipt.ok);
  into.setError(as<schema::ErrorClass>(receipt.error));
  into.setBytes(receipt.bytes);
  into.setGeneration(receipt.generation.value);
  into.setDigestLow(low_word(receipt.digest.bytes));
  into.setDigestHigh(high_word(receipt.digest.bytes));
  into.setVerify(as<schema::Verify>(receipt.verify));
  into.setLane(as<schema::Lane>(receipt.lane));
  if (!receipt.text.empty()) copy_text(into.initText(receipt.text.size()), receipt.text);
}

void fill(schema::Cancel::Builder into, const Cancel& cancel) {
  fill_reference(into, cancel.transfer);
  into.setWhy(as<schema::ErrorClass>(cancel.why));
}

std::uint64_t words(const Failure& failure) { return text_words(failure.text) + text_words(failure.hint); }

void fill(schema::Failure::Builder into, const Failure& failure) {
  fill_reference(into, failure.transfer);
  into.setError(as<schema::ErrorClass>(failure.error));
  into.setNative(failure.native);
  if (!failure.text.empty()) copy_text(into.initText(failure.text.size()), failure.text);
  if (!failure.hint.empty()) copy_text(into.initHint(failure.hint.size()), failure.hint);
}

}  // namespace weft::wire::detail
