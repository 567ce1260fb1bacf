export default function Compare(_: { ids?: number[]; id?: number; tab?: string }) {
  return <p />;
}
