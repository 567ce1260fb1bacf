export default function Runs(_: { ids?: number[]; id?: number; tab?: string }) {
  return <p />;
}
